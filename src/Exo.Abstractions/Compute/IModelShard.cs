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
    /// On rank 0: <c>[batch.LogitRowCount, vocabulary]</c>, a row for each <see cref="SequenceStep"/> that wants logits, of its last token.
    /// Ignored, and may be empty, on other ranks.
    /// </param>
    /// <exception cref="PeerLostException">A rank of the group is lost.</exception>
    /// <exception cref="BackendException">The backend failed.</exception>
    void Forward(in StepBatch batch, Span<float> logits);
}

/// <summary>Consecutive tokens of one sequence inside a step.</summary>
/// <param name="Slot">The open slot.</param>
/// <param name="Position">The first token's position; equal to the sequence's present length.</param>
/// <param name="Count">How many tokens, at least 1.</param>
/// <param name="WantsLogits">Whether the logits after the last token are wanted.</param>
public readonly record struct SequenceStep(int Slot, int Position, int Count, bool WantsLogits);

/// <summary>What one step computes.</summary>
/// <param name="tokens">The tokens of all sequences, joined in the order of <paramref name="sequences"/>.</param>
/// <param name="sequences">Which tokens belong to which sequence; a slot occurs at most once.</param>
public readonly ref struct StepBatch(ReadOnlySpan<int> tokens, ReadOnlySpan<SequenceStep> sequences)
{
    /// <summary>The tokens of all sequences, joined.</summary>
    public ReadOnlySpan<int> Tokens { get; } = tokens;

    /// <summary>Which tokens belong to which sequence.</summary>
    public ReadOnlySpan<SequenceStep> Sequences { get; } = sequences;

    /// <summary>How many rows of logits the step gives.</summary>
    public int LogitRowCount
    {
        get
        {
            int rows = 0;
            foreach (ref readonly SequenceStep step in Sequences)
            {
                rows += step.WantsLogits ? 1 : 0;
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
