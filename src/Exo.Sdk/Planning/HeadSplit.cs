using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>The attention heads of one rank.</summary>
/// <param name="QueryHeads">Query heads.</param>
/// <param name="KeyValueHeads">The key-value heads that they look up.</param>
internal readonly record struct HeadSplit(IndexRange QueryHeads, IndexRange KeyValueHeads)
{
    /// <summary>Divides attention: whole key-value heads where there are enough, else parts of the query heads of one each.</summary>
    /// <param name="granularity">How many heads there are and where they may be cut; the shares are at most <see cref="Granularity.MaxRanksByHeads"/>.</param>
    /// <param name="shares">The load of each rank.</param>
    /// <returns>The heads of each rank.</returns>
    public static HeadSplit[] Divide(Granularity granularity, double[] shares)
    {
        if (granularity.KeyValueHeadCount == 0)
        {
            return new HeadSplit[shares.Length];
        }

        int units = granularity.KeyValueHeadCount / granularity.KeyValueHeadStep;
        if (shares.Length > units)
        {
            return DivideWithinKeyValueHeads(granularity, shares);
        }

        IndexRange[] heads = Apportionment.ToRanges(
            Apportionment.Divide(units, shares), granularity.KeyValueHeadStep, granularity.KeyValueHeadCount);
        return [.. heads.Select(range => new HeadSplit(range.Times(granularity.GroupSize), range))];
    }

    private static HeadSplit[] DivideWithinKeyValueHeads(Granularity granularity, double[] shares)
    {
        int step = granularity.QueryHeadStep;
        int[] ranksPerHead = RanksPerKeyValueHead(granularity.KeyValueHeadCount, granularity.GroupSize / step, shares);
        var splits = new List<HeadSplit>(shares.Length);
        for (int head = 0; head < ranksPerHead.Length; head++)
        {
            ReadOnlySpan<double> sharing = shares.AsSpan(splits.Count, ranksPerHead[head]);
            int[] counts = Apportionment.Divide(granularity.GroupSize / step, sharing);
            foreach (IndexRange part in Apportionment.ToRanges(counts, step, granularity.GroupSize))
            {
                splits.Add(new HeadSplit(part with { Start = (head * granularity.GroupSize) + part.Start }, new IndexRange(head, 1)));
            }
        }

        return [.. splits];
    }

    /// <summary>
    /// Gives each key-value head a run of consecutive ranks, so that the sum over ranks of (query heads)² / share is least; without
    /// rounding, that is least where query heads are in proportion to shares. Exact, by dynamic programming over heads and ranks.
    /// </summary>
    private static int[] RanksPerKeyValueHead(int heads, int unitsPerHead, double[] shares)
    {
        int ranks = shares.Length;
        var least = new double[heads + 1, ranks + 1];
        var lastRun = new int[heads + 1, ranks + 1];
        for (int rank = 1; rank <= ranks; rank++)
        {
            least[0, rank] = double.PositiveInfinity;
        }

        for (int head = 1; head <= heads; head++)
        {
            for (int used = 0; used <= ranks; used++)
            {
                least[head, used] = double.PositiveInfinity;
                for (int run = 1; run <= Math.Min(used, unitsPerHead); run++)
                {
                    double before = least[head - 1, used - run];
                    if (double.IsFinite(before)
                        && before + Cost(unitsPerHead, shares.AsSpan(used - run, run)) is var cost
                        && cost < least[head, used])
                    {
                        (least[head, used], lastRun[head, used]) = (cost, run);
                    }
                }
            }
        }

        int[] runs = new int[heads];
        for (int head = heads, used = ranks; head > 0; head--)
        {
            runs[head - 1] = lastRun[head, used];
            used -= runs[head - 1];
        }

        return runs;
    }

    private static double Cost(int units, ReadOnlySpan<double> shares)
    {
        int[] counts = Apportionment.Divide(units, shares);
        double cost = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            cost += (double)counts[i] * counts[i] / shares[i];
        }

        return cost;
    }
}
