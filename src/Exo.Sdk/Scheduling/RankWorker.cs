namespace Exo.Sdk.Scheduling;

/// <summary>The loop of every rank but 0: takes a step frame, changes the cache, runs the step.</summary>
internal static class RankWorker
{
    /// <summary>Runs until rank 0 says stop.</summary>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="BackendException">The shard failed.</exception>
    public static void Run(IModelShard shard, ICollective group, EngineLimits limits)
    {
        StepFrame frame = new(limits.MaxSequences, limits.MaxBatchTokens);
        while (true)
        {
            frame.Receive(group);
            if (frame.IsStop)
            {
                return;
            }

            RunStep(shard, frame, logits: []);
        }
    }

    /// <summary>What every rank does with a frame.</summary>
    public static void RunStep(IModelShard shard, StepFrame frame, Span<float> logits)
    {
        foreach (ref readonly CacheOperation operation in frame.Operations)
        {
            switch (operation.Kind)
            {
                case CacheOperationKind.Allocate:
                    shard.Allocate(operation.Slot);
                    break;
                case CacheOperationKind.Free:
                    shard.Free(operation.Slot);
                    break;
                default:
                    throw new ProtocolException($"Unknown cache operation {(int)operation.Kind} in a step frame.");
            }
        }

        if (!frame.Batch.Sequences.IsEmpty)
        {
            shard.Forward(frame.Batch, logits);
        }
    }
}
