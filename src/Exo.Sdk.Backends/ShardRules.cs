using System.Collections.Immutable;
using System.Globalization;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Backends;

/// <summary>What <see cref="IComputeBackend"/> and <see cref="IModelShard"/> promise to refuse, in one place for all backends. Thread-safe.</summary>
public static class ShardRules
{
    /// <summary>Requires that assignment and group belong together, and that options can work.</summary>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="group">The group.</param>
    /// <param name="options">Limits and threads.</param>
    /// <exception cref="ArgumentException">The group is another's.</exception>
    /// <exception cref="ConfigurationException">An option is out of its range.</exception>
    public static void CheckLoad(ShardAssignment assignment, ICollective group, ShardOptions options)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(options);
        if (group.Rank != assignment.Rank || group.Size != assignment.WorldSize)
        {
            throw new ArgumentException(
                $"The group's rank {group.Rank} of {group.Size} is not the assignment's rank {assignment.Rank} of {assignment.WorldSize}.", nameof(group));
        }

        RequirePositive(nameof(options.ContextLength), options.ContextLength);
        RequirePositive(nameof(options.MaxSequences), options.MaxSequences);
        RequirePositive(nameof(options.MaxBatchTokens), options.MaxBatchTokens);
        RequirePositive(nameof(options.ThreadCount), options.ThreadCount);
        RequireDefined(nameof(options.Activations), options.Activations);
        RequireDefined(nameof(options.KeyValues), options.KeyValues);
    }

    /// <summary>Requires that a stored tensor is what the model says.</summary>
    /// <param name="source">Where it is stored.</param>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its element type; null stands for any floating-point type.</param>
    /// <param name="shape">Its shape.</param>
    /// <returns>Its element type.</returns>
    /// <exception cref="ModelFormatException">It is missing, or is something else.</exception>
    public static ElementType CheckTensor(WeightSource source, string name, ElementType? type, ImmutableArray<int> shape)
    {
        ArgumentNullException.ThrowIfNull(source);
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

    /// <summary>Requires that a step continues open sequences and fits the shard's limits and the room for logits. Allocates nothing.</summary>
    /// <param name="batch">The step.</param>
    /// <param name="logits">Where logits go.</param>
    /// <param name="spec">The model.</param>
    /// <param name="options">The shard's limits.</param>
    /// <param name="rank">The shard's rank.</param>
    /// <param name="sequences">The shard's sequences.</param>
    /// <exception cref="ArgumentException">The step is none that the shard can take.</exception>
    /// <exception cref="InvalidOperationException">A slot is not open.</exception>
    public static void CheckStep(
        in StepBatch batch, ReadOnlySpan<float> logits, ModelSpec spec, ShardOptions options, int rank, IOpenSequences sequences)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(sequences);
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

    private static void RequirePositive(string option, int value)
    {
        if (value < 1)
        {
            throw new ConfigurationException(string.Create(
                CultureInfo.InvariantCulture, $"{nameof(ShardOptions)}.{option} is {value}; it must be at least 1."));
        }
    }

    private static void RequireDefined<T>(string option, T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new ConfigurationException(
                $"{nameof(ShardOptions)}.{option} is {value}; it may be {string.Join(", ", Enum.GetNames<T>())}.");
        }
    }
}
