using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>The shards of a model, one thread of this process per rank, driven as one. One thread at a time calls it.</summary>
public sealed class ShardSet : IDisposable
{
    private readonly ModelSpec _spec;
    private readonly TestGroup _group;
    private readonly IModelShard[] _shards;

    /// <summary>Connects the ranks and loads their shards of a model in memory.</summary>
    /// <param name="backend">The backend of every rank.</param>
    /// <param name="model">The model.</param>
    /// <param name="assignments">Each rank's part; null for one rank that holds all.</param>
    /// <param name="options">Limits and threads; null for 128 tokens of context and exact keys and values.</param>
    /// <exception cref="ExoException">A rank cannot load its part.</exception>
    public ShardSet(IComputeBackend backend, MemoryModel model, IReadOnlyList<ShardAssignment>? assignments = null, ShardOptions? options = null)
        : this(_ => backend, (model ?? throw new ArgumentNullException(nameof(model))).Spec, model.Weights, assignments, options)
    {
    }

    private ShardSet(
        Func<int, IComputeBackend> backendOf, ModelSpec spec, WeightSource weights, IReadOnlyList<ShardAssignment>? assignments, ShardOptions? options)
    {
        _spec = spec;
        IReadOnlyList<ShardAssignment> parts = assignments ?? [Whole(spec)];
        options ??= new ShardOptions { ContextLength = 128, KeyValues = KeyValuePrecision.Float32 };
        _shards = new IModelShard[parts.Count];
        _group = TestGroup.ConnectAsync(size: parts.Count).GetAwaiter().GetResult();
        try
        {
            _group.Run(rank => _shards[rank.Rank] = backendOf(rank.Rank)
                .LoadAsync(spec, parts[rank.Rank], weights, rank, options).AsTask().GetAwaiter().GetResult());
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>One rank's shard.</summary>
    /// <param name="rank">The rank.</param>
    /// <returns>The shard.</returns>
    public IModelShard this[int rank] => _shards[rank];

    /// <summary>Connects the ranks and loads their shards of any model, with a backend for each rank.</summary>
    /// <param name="backendOf">The backend of a rank.</param>
    /// <param name="spec">The model.</param>
    /// <param name="weights">Its weights, which must stay open.</param>
    /// <param name="assignments">Each rank's part; null for one rank that holds all.</param>
    /// <param name="options">Limits and threads; null for 128 tokens of context and exact keys and values.</param>
    /// <returns>The shards; the caller disposes them.</returns>
    /// <exception cref="ExoException">A rank cannot load its part.</exception>
    public static ShardSet Load(
        Func<int, IComputeBackend> backendOf, ModelSpec spec, WeightSource weights, IReadOnlyList<ShardAssignment>? assignments, ShardOptions? options)
    {
        ArgumentNullException.ThrowIfNull(backendOf);
        ArgumentNullException.ThrowIfNull(spec);
        return new ShardSet(backendOf, spec, weights, assignments, options);
    }

    /// <summary>The whole model on one rank.</summary>
    /// <param name="spec">The model.</param>
    /// <returns>The rank's part.</returns>
    public static ShardAssignment Whole(ModelSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new ShardAssignment
        {
            Rank = 0,
            WorldSize = 1,
            QueryHeads = IndexRange.All(spec.CountOf(SplitUnit.QueryHead)),
            KeyValueHeads = IndexRange.All(spec.CountOf(SplitUnit.KeyValueHead)),
            Channels = IndexRange.All(spec.CountOf(SplitUnit.Channel)),
            Tokens = IndexRange.All(spec.VocabularySize),
        };
    }

    /// <summary>Divides a model by whole key-value heads with their query heads, channels and vocabulary entries.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="keyValueHeads">How many key-value heads each rank takes.</param>
    /// <param name="channels">How many channels each rank takes.</param>
    /// <param name="tokens">How many vocabulary entries each rank takes.</param>
    /// <returns>The parts in rank order.</returns>
    public static ShardAssignment[] Divide(ModelSpec spec, int[] keyValueHeads, int[] channels, int[] tokens)
    {
        ArgumentNullException.ThrowIfNull(spec);
        int group = spec.CountOf(SplitUnit.QueryHead) / spec.CountOf(SplitUnit.KeyValueHead);
        return [.. Enumerable.Range(0, channels.Length).Select(rank => new ShardAssignment
        {
            Rank = rank,
            WorldSize = channels.Length,
            QueryHeads = Part(keyValueHeads, rank).Times(group),
            KeyValueHeads = Part(keyValueHeads, rank),
            Channels = Part(channels, rank),
            Tokens = Part(tokens, rank),
        })];

        static IndexRange Part(int[] counts, int rank) => new(counts[..rank].Sum(), counts[rank]);
    }

    /// <summary>Does something with every shard, each on its rank's thread.</summary>
    /// <param name="action">What to do.</param>
    public void Do(Action<IModelShard> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        _group.Run(rank => action(_shards[rank.Rank]));
    }

    /// <summary>One step on all ranks.</summary>
    /// <param name="tokens">The tokens of all sequences, joined.</param>
    /// <param name="steps">Which belong to which sequence.</param>
    /// <returns>Rank 0's rows of logits.</returns>
    public float[][] Forward(int[] tokens, params SequenceStep[] steps)
    {
        float[] logits = new float[steps.Sum(static step => step.LogitRowCount) * _spec.VocabularySize];
        _group.Run(rank => _shards[rank.Rank].Forward(new StepBatch(tokens, steps), rank.Rank == 0 ? logits : default));
        return [.. logits.Chunk(_spec.VocabularySize)];
    }

    /// <summary>Prefills a text in slot 0, feeds the rest token by token, and compares each step's logits with those of the reference.</summary>
    /// <param name="reference">A model of the same numbers, plain or packed.</param>
    /// <param name="prefill">How many tokens to begin with.</param>
    /// <param name="decode">How many tokens to feed one by one.</param>
    /// <returns>The largest error of a step, as <see cref="Accuracy"/> measures it.</returns>
    public double ErrorAgainst(MemoryModel reference, int prefill, int decode)
    {
        ArgumentNullException.ThrowIfNull(reference);
        int[] tokens = reference.Tokens(prefill + decode, 1000);
        double[][] expected = new ReferenceModel(reference).Logits(tokens);
        Do(static shard => shard.Allocate(0));
        double error = Accuracy.Error(Forward(tokens[..prefill], new SequenceStep(0, 0, prefill, StepLogits.Last))[0], expected[prefill - 1]);
        for (int position = prefill; position < tokens.Length; position++)
        {
            error = Math.Max(error, Accuracy.Error(
                Forward([tokens[position]], new SequenceStep(0, position, 1, StepLogits.Last))[0], expected[position]));
        }

        Do(static shard => shard.Free(0));
        return error;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(_shards, static shard => shard?.Dispose());
        _group.Dispose();
    }
}
