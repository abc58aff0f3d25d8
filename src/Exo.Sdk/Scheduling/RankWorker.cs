namespace Exo.Sdk.Scheduling;

/// <summary>The loop of every rank but 0: takes a step frame, changes the cache, runs the step.</summary>
internal static class RankWorker
{
    /// <summary>Runs until rank 0 says stop.</summary>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="BackendException">The shard failed.</exception>
    public static void Run(IModelShard shard, ICollective group, EngineLimits limits)
    {
        StepFrame frame = new(limits);
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
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="BackendException">The shard failed.</exception>
    public static void RunStep(IModelShard shard, StepFrame frame, Span<float> logits)
    {
        try
        {
            foreach (ref readonly CacheOperation operation in frame.Operations)
            {
                if (operation.Kind == CacheOperationKind.Allocate)
                {
                    shard.Allocate(operation.Slot);
                }
                else
                {
                    shard.Free(operation.Slot);
                }
            }

            if (!frame.Batch.Sequences.IsEmpty)
            {
                shard.Forward(frame.Batch, logits);
            }
        }
        catch (Exception error) when (error is not ExoException)
        {
            throw new BackendException($"The shard failed in a step of {frame.Batch.Tokens.Length} tokens: {error.Message}", error);
        }
    }
}
