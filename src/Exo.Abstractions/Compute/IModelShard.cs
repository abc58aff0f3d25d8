using Exo.Sdk.Planning;

namespace Exo.Sdk;

/// <summary>
/// One rank's part of a model with its KV cache. All ranks of the group call the same operations with equal arguments in the
/// same order, each from one thread at a time.
/// </summary>
public interface IModelShard : IDisposable
{
    /// <summary>The rank's part.</summary>
    ShardAssignment Assignment { get; }

    /// <summary>What the shard takes in memory.</summary>
    ShardMemory Memory { get; }

    /// <summary>What the shard can do besides the plain step.</summary>
    ShardFeatures Features => ShardFeatures.None;

    /// <summary>Opens an empty sequence in a free slot.</summary>
    /// <param name="slot">0 ≤ slot &lt; <see cref="ShardOptions.MaxSequences"/>.</param>
    /// <exception cref="InvalidOperationException">The slot is taken.</exception>
    void Allocate(int slot);

    /// <summary>Copies an open sequence's cache into a free slot, which it opens.</summary>
    /// <param name="source">An open slot.</param>
    /// <param name="target">A free slot.</param>
    void Fork(int source, int target);

    /// <summary>Forgets all positions from <paramref name="length"/> on.</summary>
    /// <param name="slot">An open slot.</param>
    /// <param name="length">At most the sequence's present length.</param>
    /// <remarks>As many positions as a step may have can be forgotten of any sequence.</remarks>
    /// <exception cref="InvalidOperationException">A cache that a window bounds has let go of positions that the shorter sequence would look at.</exception>
    void Truncate(int slot, int length);

    /// <summary>Closes a sequence.</summary>
    /// <param name="slot">An open slot.</param>
    void Free(int slot);

    /// <summary>
    /// Runs one step: prefill and decode are the same call with different batches. Takes the group's operations on the calling thread, or on
    /// a thread of the shard's own while the caller waits.
    /// </summary>
    /// <param name="batch">Tokens of one or more sequences.</param>
    /// <param name="logits">
    /// On rank 0: <c>[batch.LogitRowCount, vocabulary]</c>, the rows that <see cref="SequenceStep.Logits"/> asks for, in the order of the
    /// tokens. Ignored, and may be empty, on other ranks.
    /// </param>
    /// <exception cref="PeerLostException">A rank of the group is lost.</exception>
    /// <exception cref="BackendException">The backend failed.</exception>
    void Forward(in StepBatch batch, Span<float> logits);
}

/// <summary>What a shard can do besides the plain step. What it does not name is refused by <see cref="IModelShard.Forward"/>.</summary>
[Flags]
public enum ShardFeatures
{
    /// <summary>Tokens and logits only.</summary>
    None = 0,

    /// <summary>Sequences whose cache lies in the pages that <see cref="StepBatch.Pages"/> names.</summary>
    Pages = 1,

    /// <summary>Adapters: <see cref="SequenceStep.Adapter"/>.</summary>
    Adapters = 2,
}

/// <summary>For which of a sequence's tokens a step gives logits. Values above <see cref="All"/> are reserved, the next one for hidden states.</summary>
public enum StepLogits : byte
{
    /// <summary>For none: the prompt goes on in a later step.</summary>
    None = 0,

    /// <summary>For the last token.</summary>
    Last = 1,

    /// <summary>For every token: to check guessed tokens, or for the probabilities of a prompt.</summary>
    All = 2,
}

/// <summary>Consecutive tokens of one sequence inside a step.</summary>
/// <param name="Slot">The open slot.</param>
/// <param name="Position">The first token's position; equal to the sequence's present length.</param>
/// <param name="Count">How many tokens, at least 1.</param>
/// <param name="Logits">For which of them logits are wanted.</param>
public readonly record struct SequenceStep(int Slot, int Position, int Count, StepLogits Logits)
{
    /// <summary>The adapter that is applied to the weights, counted from 1; 0 for none. For shards with <see cref="ShardFeatures.Adapters"/>.</summary>
    public int Adapter { get; init; }

    /// <summary>
    /// How many of <see cref="StepBatch.Pages"/> are this sequence's, in the order of its positions; 0 where the slot holds its own memory.
    /// For shards with <see cref="ShardFeatures.Pages"/>.
    /// </summary>
    public int PageCount { get; init; }

    /// <summary>How many rows of logits it gives.</summary>
    public int LogitRowCount => Logits switch
    {
        StepLogits.Last => 1,
        StepLogits.All => Count,
        _ => 0,
    };
}

/// <summary>What one step computes.</summary>
public readonly ref struct StepBatch
{
    /// <summary>Creates a step.</summary>
    /// <param name="tokens">The tokens of all sequences, joined in the order of <paramref name="sequences"/>.</param>
    /// <param name="sequences">Which tokens belong to which sequence; a slot occurs at most once.</param>
    public StepBatch(ReadOnlySpan<int> tokens, ReadOnlySpan<SequenceStep> sequences)
        : this(tokens, sequences, [])
    {
    }

    /// <summary>Creates a step over pages.</summary>
    /// <param name="tokens">The tokens of all sequences, joined in the order of <paramref name="sequences"/>.</param>
    /// <param name="sequences">Which tokens and pages belong to which sequence; a slot occurs at most once.</param>
    /// <param name="pages">The cache pages of all sequences, joined in the same order.</param>
    public StepBatch(ReadOnlySpan<int> tokens, ReadOnlySpan<SequenceStep> sequences, ReadOnlySpan<int> pages)
    {
        Tokens = tokens;
        Sequences = sequences;
        Pages = pages;
    }

    /// <summary>The tokens of all sequences, joined.</summary>
    public ReadOnlySpan<int> Tokens { get; }

    /// <summary>Which tokens belong to which sequence.</summary>
    public ReadOnlySpan<SequenceStep> Sequences { get; }

    /// <summary>The cache pages of all sequences, joined; see <see cref="SequenceStep.PageCount"/>.</summary>
    public ReadOnlySpan<int> Pages { get; }

    /// <summary>How many rows of logits the step gives.</summary>
    public int LogitRowCount
    {
        get
        {
            int rows = 0;
            foreach (ref readonly SequenceStep step in Sequences)
            {
                rows += step.LogitRowCount;
            }

            return rows;
        }
    }
}

/// <summary>What a shard takes in memory, in bytes.</summary>
/// <param name="Weights">Weights, in the form the backend holds them.</param>
/// <param name="KeyValueCache">The KV cache of all slots that are open now.</param>
/// <param name="Buffers">Step buffers.</param>
public readonly record struct ShardMemory(long Weights, long KeyValueCache, long Buffers);
