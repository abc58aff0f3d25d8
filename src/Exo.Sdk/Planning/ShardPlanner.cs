using System.Globalization;
using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>
/// Divides every layer among all ranks (tensor parallelism): attention by whole key-value heads with their query heads, or, where
/// there are more ranks than key-value heads, by query heads of a repeated one; the feed-forward block by channels; embedding and
/// head by vocabulary entries. Norms are replicated. Each is divided in proportion to the shares on its own, because ranks wait for
/// each other after each.
/// </summary>
public sealed class ShardPlanner : IShardPlanner
{
    // Cuts at multiples of a vector's width keep kernels on their fast path; not worth distorting the shares for, hence the second figure.
    private const int PreferredStep = 64;
    private const int UnitsPerRankForPreferredStep = 16;

    /// <inheritdoc/>
    public ShardPlan Plan(ModelSpec spec, PlanRequest request)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(request);
        PlanRequestRules.Validate(request);
        Granularity granularity = Granularity.Of(spec);
        if (granularity.RefusalsOf(spec, request.Devices.Count) is { Count: > 0 } reasons)
        {
            throw new PlanRefusedException(reasons);
        }

        PlanRequest possible = request with { ContextLength = Math.Min(request.ContextLength, spec.MaxContextLength) };
        ShardPlan plan = FirstThatFits(spec, possible, granularity)
            ?? throw PlanRefusal.ForMemory(spec, possible, granularity, Draft(spec, possible, granularity, PreferredShares(possible)));
        return possible.ContextLength == request.ContextLength ? plan : plan with
        {
            Notes = [string.Create(
                CultureInfo.InvariantCulture,
                $"context lowered from {request.ContextLength} to {possible.ContextLength} tokens, the most the model was made for"), .. plan.Notes],
        };
    }

    /// <summary>The first plan that every rank's memory holds: the preferred shares, then ever closer to the machines' memory.</summary>
    internal static ShardPlan? FirstThatFits(ModelSpec spec, PlanRequest request, Granularity granularity)
    {
        double[] preferred = PreferredShares(request);
        ShardPlan plan = Draft(spec, request, granularity, preferred);
        if (Fits(plan, request) || request.Shares is not null)
        {
            return Fits(plan, request) ? plan : null;
        }

        double[] memory = [.. request.Devices.Select(static device => (double)Math.Max(1, device.AvailableMemory))];
        for (int quarters = 1; quarters <= 4; quarters++)
        {
            ShardPlan shifted = Draft(spec, request, granularity, Blend(preferred, memory, quarters / 4.0));
            if (Fits(shifted, request))
            {
                string remark = $"load follows memory rather than speed: {ShareText.Ratio(preferred)} does not fit";
                return shifted with { Notes = [remark, .. shifted.Notes] };
            }
        }

        return null;
    }

    internal static bool Fits(ShardPlan plan, PlanRequest request) =>
        plan.Ranks.Zip(request.Devices).All(static pair => pair.First.TotalBytes <= pair.Second.AvailableMemory);

    private static double[] PreferredShares(PlanRequest request)
    {
        if (request.Shares is { } asked)
        {
            return [.. asked];
        }

        bool isMeasured = request.Devices.All(static device => device.MemoryBandwidth > 0);
        return [.. request.Devices.Select(device => isMeasured ? device.MemoryBandwidth : 1)];
    }

    private static double[] Blend(double[] from, double[] to, double part)
    {
        double fromSum = from.Sum();
        double toSum = to.Sum();
        return [.. from.Zip(to, (a, b) => ((1 - part) * a / fromSum) + (part * b / toSum))];
    }

    private static ShardPlan Draft(ModelSpec spec, PlanRequest request, Granularity granularity, double[] shares)
    {
        HeadSplit[] heads = HeadSplit.Divide(granularity, shares);
        IndexRange[] channels = DivideEvenly(granularity.ChannelCount, granularity.ChannelStep, shares);
        IndexRange[] tokens = DivideEvenly(spec.VocabularySize, 1, shares);
        var ranks = new RankPlan[shares.Length];
        for (int rank = 0; rank < ranks.Length; rank++)
        {
            ShardAssignment assignment = new()
            {
                Rank = rank,
                WorldSize = ranks.Length,
                QueryHeads = heads[rank].QueryHeads,
                KeyValueHeads = heads[rank].KeyValueHeads,
                Channels = channels[rank],
                Tokens = tokens[rank],
            };
            ranks[rank] = new RankPlan
            {
                Assignment = assignment,
                Device = request.Devices[rank].Name,
                WeightBytes = ShardFootprint.Weights(spec, assignment),
                KeyValueBytesPerToken = ShardFootprint.CachePerToken(spec, assignment, request.KeyValues),
                KeyValueBytes = ShardFootprint.Cache(spec, assignment, request),
                DecodeCost = spec.CostOf(assignment, new CostedStep(1, request.ContextLength - 1, request.KeyValues)),
                ActivationBytes = ShardFootprint.Activations(spec, assignment, request),
            };
        }

        return new ShardPlan
        {
            Ranks = ranks,
            ContextLength = request.ContextLength,
            MaxSequences = request.MaxSequences,
            Notes = [.. PlanRemarks.Of(spec, ranks, shares)],
        };
    }

    private static IndexRange[] DivideEvenly(int length, int leastStep, double[] shares)
    {
        if (length == 0)
        {
            return new IndexRange[shares.Length];
        }

        int step = leastStep;
        while (step * 2 <= PreferredStep && length / (step * 2) >= UnitsPerRankForPreferredStep * shares.Length)
        {
            step *= 2;
        }

        return Apportionment.ToRanges(Apportionment.Divide(length / step, shares), step, length);
    }
}
