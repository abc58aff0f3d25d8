using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>One rank's part of a plan and what it takes.</summary>
public sealed record RankPlan
{
    /// <summary>Which part of every layer the rank holds.</summary>
    public required ShardAssignment Assignment { get; init; }

    /// <summary>The machine, by <see cref="DeviceProfile.Name"/>.</summary>
    public required string Device { get; init; }

    /// <summary>Bytes of weights, as stored in the model's files.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of cache for one more token of one sequence, as long as no window bounds it.</summary>
    public required long KeyValueBytesPerToken { get; init; }

    /// <summary>Bytes of cache for every sequence at full context, states of fixed size included.</summary>
    public required long KeyValueBytes { get; init; }

    /// <summary>Bytes of step buffers.</summary>
    public required long ActivationBytes { get; init; }

    /// <summary>What a decode step of one sequence at full context costs the rank: the bytes of weights and cache that it reads, and its operations.</summary>
    public required StepCost DecodeCost { get; init; }

    /// <summary>Everything together.</summary>
    public long TotalBytes => WeightBytes + KeyValueBytes + ActivationBytes;
}

/// <summary>How a model is divided among ranks. Immutable; equal input gives an equal plan.</summary>
public sealed record ShardPlan
{
    /// <summary>The ranks in order.</summary>
    public required IReadOnlyList<RankPlan> Ranks { get; init; }

    /// <summary>The most tokens one sequence may hold.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Sequences that may be open at a time.</summary>
    public required int MaxSequences { get; init; }

    /// <summary>Remarks for people, for example that shares were rounded to whole heads.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The number of ranks.</summary>
    public int WorldSize => Ranks.Count;
}
