using System.Collections.Immutable;
using System.Globalization;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk;

/// <summary>What <see cref="IComputeBackend"/> and <see cref="IModelShard"/> promise to refuse, in one place for all of our backends.</summary>
internal static class ShardRules
{
    /// <summary>Requires that assignment and group belong together, and that limits are positive.</summary>
    internal static void CheckLoad(ShardAssignment assignment, ICollective group, ShardOptions options)
    {
        if (group.Rank != assignment.Rank || group.Size != assignment.WorldSize)
        {
            throw new ArgumentException(
                $"The group's rank {group.Rank} of {group.Size} is not the assignment's rank {assignment.Rank} of {assignment.WorldSize}.", nameof(group));
        }

        RequirePositive(nameof(options.ContextLength), options.ContextLength);
        RequirePositive(nameof(options.MaxSequences), options.MaxSequences);
        RequirePositive(nameof(options.MaxBatchTokens), options.MaxBatchTokens);
        RequirePositive(nameof(options.ThreadCount), options.ThreadCount);
    }

    /// <summary>Requires that an option of <see cref="ShardOptions"/> is at least 1.</summary>
    internal static void RequirePositive(string option, int value)
    {
        if (value < 1)
        {
            throw new ConfigurationException(string.Create(
                CultureInfo.InvariantCulture, $"{nameof(ShardOptions)}.{option} is {value}; it must be at least 1."));
        }
    }

    /// <summary>Requires that a stored tensor is what the model says.</summary>
    /// <param name="source">Where it is stored.</param>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its element type; null stands for any floating-point type.</param>
    /// <param name="shape">Its shape.</param>
    /// <returns>Its element type.</returns>
    /// <exception cref="ModelFormatException">It is missing, or is something else.</exception>
    internal static ElementType CheckTensor(WeightSource source, string name, ElementType? type, ImmutableArray<int> shape)
    {
        TensorInfo info = source.Describe(name);
        bool isRightType = type is null
            ? info.Type is ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16
            : info.Type == type;
        if (!isRightType || !info.Shape.SequenceEqual(shape))
        {
            throw new ModelFormatException(
                source.Locate(name),
                "the tensor is not what the model's configuration says",
                $"{type?.ToString() ?? "floating point"} [{string.Join(", ", shape)}]",
                $"{info.Type} [{string.Join(", ", info.Shape)}]",
                name);
        }

        return info.Type;
    }

    /// <summary>Requires a slot's number to be in range.</summary>
    internal static void CheckSlot(int slot, int slots)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, slots);
    }

    /// <summary>Requires that a step continues open sequences and fits the shard's limits and the room for logits. Allocates nothing.</summary>
    /// <param name="batch">The step.</param>
    /// <param name="logits">Where logits go.</param>
    /// <param name="spec">The model.</param>
    /// <param name="options">The shard's limits.</param>
    /// <param name="rank">The shard's rank.</param>
    /// <param name="sequences">The shard's sequences.</param>
    internal static void CheckStep(
        in StepBatch batch, ReadOnlySpan<float> logits, ModelSpec spec, ShardOptions options, int rank, IOpenSequences sequences)
    {
        if (batch.Tokens.Length > options.MaxBatchTokens)
        {
            throw new ArgumentException($"The step has {batch.Tokens.Length} tokens; the shard was loaded for {options.MaxBatchTokens}.", nameof(batch));
        }

        foreach (int token in batch.Tokens)
        {
            if ((uint)token >= (uint)spec.VocabularySize)
            {
                throw new ArgumentException($"Token {token} is outside the vocabulary of {spec.VocabularySize}.", nameof(batch));
            }
        }

        if (!batch.Pages.IsEmpty)
        {
            throw new ArgumentException("The step names cache pages; this backend's sequences hold their own memory.", nameof(batch));
        }

        long count = 0;
        for (int i = 0; i < batch.Sequences.Length; i++)
        {
            ref readonly SequenceStep step = ref batch.Sequences[i];
            foreach (ref readonly SequenceStep other in batch.Sequences[..i])
            {
                if (other.Slot == step.Slot)
                {
                    throw new ArgumentException($"Slot {step.Slot} occurs twice in a step.", nameof(batch));
                }
            }

            if (step.Logits > StepLogits.All || step.Adapter != 0 || step.PageCount != 0)
            {
                throw new ArgumentException(
                    $"Slot {step.Slot} asks for logits of kind {(int)step.Logits}, adapter {step.Adapter} and {step.PageCount} cache pages; this backend has kinds 0 to {(int)StepLogits.All}, no adapters and no pages.",
                    nameof(batch));
            }

            int length = sequences.LengthOf(step.Slot);
            if (step.Count < 1 || step.Position != length || (long)step.Position + step.Count > options.ContextLength)
            {
                throw new ArgumentException(
                    $"{step.Count} tokens at position {step.Position} do not continue slot {step.Slot}, which holds {length} of at most {options.ContextLength}.",
                    nameof(batch));
            }

            count += step.Count;
        }

        if (count != batch.Tokens.Length)
        {
            throw new ArgumentException($"The sequences count {count} tokens; the step has {batch.Tokens.Length}.", nameof(batch));
        }

        long expected = (long)batch.LogitRowCount * spec.VocabularySize;
        if (rank == 0 && logits.Length < expected)
        {
            throw new ArgumentException($"The logits need {expected} values; there is room for {logits.Length}.", nameof(logits));
        }
    }
}

/// <summary>The sequences that a shard holds.</summary>
internal interface IOpenSequences
{
    /// <summary>Positions filled in a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <returns>The length.</returns>
    /// <exception cref="InvalidOperationException">The slot is not open.</exception>
    int LengthOf(int slot);
}
