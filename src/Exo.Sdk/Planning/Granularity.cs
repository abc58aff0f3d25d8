using System.Globalization;
using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>
/// Where a model may be cut. Inputs of a quantized matrix share one scale in groups, so a row-parallel matrix (the attention's
/// output, the feed-forward's down-projection) is cut only between groups; every layer must allow the cut.
/// </summary>
internal sealed record Granularity
{
    /// <summary>Query heads of each layer; 0 where layers have none.</summary>
    public required int QueryHeadCount { get; init; }

    /// <summary>Key-value heads of each layer; 0 where layers have none.</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>Query heads that share a key-value head.</summary>
    public int GroupSize => KeyValueHeadCount == 0 ? 0 : QueryHeadCount / KeyValueHeadCount;

    /// <summary>Channels of each feed-forward; 0 where layers have none.</summary>
    public required int ChannelCount { get; init; }

    /// <summary>The elements of the head whose groups make <see cref="QueryHeadStep"/> or <see cref="KeyValueHeadStep"/>.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Key-value heads that stay on one rank together, with their query heads.</summary>
    public required int KeyValueHeadStep { get; init; }

    /// <summary>
    /// Query heads that stay on one rank together where several ranks share a key-value head; 0 where none can be shared.
    /// </summary>
    public required int QueryHeadStep { get; init; }

    /// <summary>Channels are cut at multiples of this.</summary>
    public required int ChannelStep { get; init; }

    /// <summary>The most ranks that attention can be divided among.</summary>
    public required int MaxRanksByHeads { get; init; }

    /// <summary>The most ranks that the feed-forward block can be divided among.</summary>
    public required int MaxRanksByChannels { get; init; }

    /// <summary>The most ranks that embedding and head can be divided among.</summary>
    public required int MaxRanksByTokens { get; init; }

    /// <summary>The most ranks that the model can be divided among.</summary>
    public int MaxRanks => Math.Min(Math.Min(MaxRanksByHeads, MaxRanksByChannels), MaxRanksByTokens);

    /// <summary>Reads the steps from a model's split rules and quantization.</summary>
    /// <param name="spec">The model.</param>
    /// <returns>Where it may be cut.</returns>
    /// <exception cref="PlanRefusedException">A quantized matrix's inputs are not whole groups, or layers differ in what they are divided by.</exception>
    public static Granularity Of(ModelSpec spec)
    {
        int queryHeads = spec.CountOf(SplitUnit.QueryHead);
        int keyValueHeads = spec.CountOf(SplitUnit.KeyValueHead);
        int channels = spec.CountOf(SplitUnit.Channel);
        int groupSize = keyValueHeads == 0 ? 0 : queryHeads / keyValueHeads;
        int headSize = 0;
        long headStep = 1;
        long channelStep = 1;
        foreach (LinearSpec linear in spec.Layers.SelectMany(static layer => layer.Linears))
        {
            if (linear.Quantization is { } packing)
            {
                RequireWholeGroups(linear, packing);
                long unitsPerGroup = packing.GroupSize / Gcd(packing.GroupSize, Math.Max(1, linear.Split.UnitWidth));
                switch (linear.Split)
                {
                    case { Axis: SplitAxis.Row, Unit: SplitUnit.QueryHead }:
                        headStep = Lcm(headStep, unitsPerGroup);
                        headSize = unitsPerGroup > 1 ? linear.Split.UnitWidth : headSize;
                        break;
                    case { Axis: SplitAxis.Row, Unit: SplitUnit.Channel }:
                        channelStep = Lcm(channelStep, unitsPerGroup);
                        break;
                }
            }
        }

        // The steps divide the head and channel counts, because every matrix holds whole groups; hence they fit an int.
        long keyValueHeadStep = headStep / Gcd(headStep, groupSize);
        bool canShare = groupSize % headStep == 0;
        return new Granularity
        {
            QueryHeadCount = queryHeads,
            KeyValueHeadCount = keyValueHeads,
            ChannelCount = channels,
            HeadSize = headSize,
            KeyValueHeadStep = (int)keyValueHeadStep,
            QueryHeadStep = canShare ? (int)headStep : 0,
            ChannelStep = (int)channelStep,
            MaxRanksByHeads = queryHeads == 0 ? int.MaxValue : (int)(canShare ? queryHeads / headStep : keyValueHeads / keyValueHeadStep),
            MaxRanksByChannels = channels == 0 ? int.MaxValue : (int)(channels / channelStep),
            MaxRanksByTokens = spec.VocabularySize,
        };
    }

    /// <summary>Says why a number of ranks is too large.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="ranks">The number asked for.</param>
    /// <returns>A reason for each part that cannot be divided so far; none where it can.</returns>
    public IReadOnlyList<string> RefusalsOf(ModelSpec spec, int ranks)
    {
        List<string> reasons = [];
        if (ranks > MaxRanksByHeads)
        {
            string heads = string.Create(CultureInfo.InvariantCulture, $"{QueryHeadCount} query heads over {KeyValueHeadCount} key-value heads");
            string step = QueryHeadStep == 1
                ? "the most is one rank for each query head"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(QueryHeadStep > 0 ? QueryHeadStep : KeyValueHeadStep * GroupSize)} query heads stay together, because the attention's output is quantized in groups and a head has {HeadSize} elements");
            reasons.Add($"{ranks} ranks cannot divide {heads}: {step}");
        }

        if (ranks > MaxRanksByChannels)
        {
            reasons.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"{ranks} ranks cannot divide {ChannelCount} channels, which are cut at multiples of {ChannelStep}"));
        }

        if (ranks > MaxRanksByTokens)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"{ranks} ranks cannot divide {spec.VocabularySize} vocabulary entries"));
        }

        if (reasons.Count > 0)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"the largest number of ranks possible is {MaxRanks}"));
        }

        return reasons;
    }

    private static void RequireWholeGroups(LinearSpec linear, QuantizationSpec packing)
    {
        if (packing.GroupSize < 1 || linear.InputSize % packing.GroupSize != 0)
        {
            throw new PlanRefusedException([string.Create(
                CultureInfo.InvariantCulture,
                $"{linear.Path} has {linear.InputSize} inputs, which are not whole groups of {packing.GroupSize}")]);
        }
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    private static long Lcm(long a, long b) => a / Gcd(a, b) * b;
}
