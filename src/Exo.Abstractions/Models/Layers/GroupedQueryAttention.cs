namespace Exo.Sdk.Models;

/// <summary>
/// Grouped-query attention (Ainslie et al. 2023): every group of query heads shares one key-value head; softmax(scale·q·kᵀ)·v of every head,
/// projected back to the residual stream.
/// </summary>
public sealed record GroupedQueryAttention : TokenMixer
{
    /// <summary>The number of query heads.</summary>
    public required int QueryHeadCount { get; init; }

    /// <summary>The number of key-value heads; it divides <see cref="QueryHeadCount"/>.</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>The elements per head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Queries.</summary>
    public required LinearSpec Query { get; init; }

    /// <summary>Keys.</summary>
    public required LinearSpec Key { get; init; }

    /// <summary>Values.</summary>
    public required LinearSpec Value { get; init; }

    /// <summary>The projection of the attended values back to the hidden size.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>The norm of each query head before rope, or null.</summary>
    public NormSpec? QueryNorm { get; init; }

    /// <summary>The norm of each key head before rope, or null.</summary>
    public NormSpec? KeyNorm { get; init; }

    /// <summary>Rotary position embedding of this layer; null where it has none.</summary>
    public RopeSpec? Rope { get; init; }

    /// <summary>How many positions back (itself included) a position may look, or null for all.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The stored name of a score for each query head <c>[query heads]</c> that joins the softmax and has no value; null where there is none.</summary>
    public string? SinksName { get; init; }

    /// <summary>Scores s become cap·tanh(s/cap); null where they stay.</summary>
    public float? ScoreSoftcap { get; init; }

    /// <summary>The factor on q·k where it is not 1/√<see cref="HeadSize"/>.</summary>
    public float? OwnScale { get; init; }

    /// <summary>Query heads per key-value head.</summary>
    public int GroupSize => QueryHeadCount / KeyValueHeadCount;

    /// <summary>The factor on q·k: 1/√HeadSize (Vaswani et al. 2017), or <see cref="OwnScale"/>.</summary>
    public float Scale => OwnScale ?? (1f / MathF.Sqrt(HeadSize));

    /// <inheritdoc/>
    public override string Kind => ModelFeatures.GroupedQueryAttention;

    /// <inheritdoc/>
    public override IEnumerable<string> Needs => base.Needs.Append(Rope is null ? ModelFeatures.NoRope : Rope.Kind).Concat(
        ((string?[])
        [
            QueryNorm is null && KeyNorm is null ? null : ModelFeatures.QueryKeyNorm,
            SinksName is null ? null : ModelFeatures.AttentionSinks,
            ScoreSoftcap is null ? null : ModelFeatures.ScoreSoftcap,
            OwnScale is null ? null : ModelFeatures.AttentionScale,
        ]).OfType<string>());

    /// <inheritdoc/>
    public override string? Fault => Rope is null || HeadSize % 2 == 0 ? null : $"Rope needs an even head size, and this model's is {HeadSize}.";

    /// <inheritdoc/>
    public override string Dimensions =>
        $"{QueryHeadCount}/{KeyValueHeadCount} heads of {HeadSize}" + (SlidingWindow is { } window ? $" in a window of {window}" : "");

    /// <inheritdoc/>
    public override IReadOnlyList<LinearSpec> Linears => [Query, Key, Value, Output];

    /// <inheritdoc/>
    public override IEnumerable<NormSpec> Norms => base.Norms.Concat(((NormSpec?[])[QueryNorm, KeyNorm]).OfType<NormSpec>());

    /// <inheritdoc/>
    public override IReadOnlyList<Division> Divisions => [new(SplitUnit.QueryHead, QueryHeadCount), new(SplitUnit.KeyValueHead, KeyValueHeadCount)];

    /// <inheritdoc/>
    public override IReadOnlyList<CacheSpec> Caches => [new KeyValueCache(KeyValueHeadCount, HeadSize, HeadSize, SlidingWindow)];

    /// <inheritdoc/>
    /// <remarks>Queries and attended values, keys and values, and the scores of every head over the whole context.</remarks>
    public override long BufferWidth(IRankShare share, int contextLength)
    {
        ArgumentNullException.ThrowIfNull(share);
        long heads = share.UnitsOf(new Division(SplitUnit.QueryHead, QueryHeadCount)).Count;
        long keyValueHeads = share.UnitsOf(new Division(SplitUnit.KeyValueHead, KeyValueHeadCount)).Count;
        return (2L * HeadSize * (heads + keyValueHeads)) + (heads * contextLength);
    }

    /// <inheritdoc/>
    public override StepCost OwnCost(IRankShare share, in CostedStep step)
    {
        ArgumentNullException.ThrowIfNull(share);
        long heads = share.UnitsOf(new Division(SplitUnit.QueryHead, QueryHeadCount)).Count;
        return base.OwnCost(share, step) + new StepCost(0, 4 * heads * HeadSize * step.PositionsSeen(SlidingWindow));
    }
}
