using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Tests.Support;

/// <summary>The shards of a model, one thread per rank, driven as one.</summary>
internal sealed class ShardSet : IDisposable
{
    private readonly ModelSpec _spec;
    private readonly IModelShard[] _shards;

    public ShardSet(MemoryModel model, ShardAssignment[]? assignments = null, ShardOptions? options = null, int lanes = 0)
    {
        _spec = model.Spec;
        assignments ??= [Split(model.Spec)];
        options ??= new ShardOptions { ContextLength = 128, KeyValues = KeyValuePrecision.Float32 };
        ICollective[] group = ThreadGroup.Create(assignments.Length);
        _shards = new IModelShard[assignments.Length];
        CpuBackend backend = new();
        ThreadGroup.Run(assignments.Length, rank => _shards[rank] = lanes == 0
            ? backend.LoadAsync(model.Spec, assignments[rank], model.Weights, group[rank], options).AsTask().GetAwaiter().GetResult()
            : backend.Load(model.Spec, assignments[rank], model.Weights, group[rank], options, lanes, null, CancellationToken.None));
    }

    public IModelShard this[int rank] => _shards[rank];

    /// <summary>The whole model on one rank.</summary>
    public static ShardAssignment Split(ModelSpec spec) => new()
    {
        Rank = 0,
        WorldSize = 1,
        QueryHeads = IndexRange.All(spec.Attention.QueryHeadCount),
        KeyValueHeads = IndexRange.All(spec.Attention.KeyValueHeadCount),
        Channels = IndexRange.All(spec.IntermediateSize),
        Tokens = IndexRange.All(spec.VocabularySize),
    };

    /// <summary>Whole kv-head groups, channels and tokens in the given proportions.</summary>
    public static ShardAssignment[] Split(ModelSpec spec, int[] keyValueHeads, int[] channels, int[] tokens) =>
        [.. Enumerable.Range(0, channels.Length).Select(rank => new ShardAssignment
        {
            Rank = rank,
            WorldSize = channels.Length,
            QueryHeads = Part(keyValueHeads, rank).Times(spec.Attention.GroupSize),
            KeyValueHeads = Part(keyValueHeads, rank),
            Channels = Part(channels, rank),
            Tokens = Part(tokens, rank),
        })];

    public static IndexRange Part(int[] counts, int rank) => new(counts[..rank].Sum(), counts[rank]);

    public void Do(Action<IModelShard> action) => ThreadGroup.Run(_shards.Length, rank => action(_shards[rank]));

    /// <summary>One step; gives a row of logits for each sequence that wants them.</summary>
    public float[][] Forward(int[] tokens, params SequenceStep[] steps)
    {
        int rows = steps.Sum(step => step.LogitRowCount);
        float[] logits = new float[rows * _spec.VocabularySize];
        ThreadGroup.Run(_shards.Length, rank => _shards[rank].Forward(new StepBatch(tokens, steps), rank == 0 ? logits : default));
        return [.. logits.Chunk(_spec.VocabularySize)];
    }

    public void Dispose() => Array.ForEach(_shards, shard => shard?.Dispose());
}
