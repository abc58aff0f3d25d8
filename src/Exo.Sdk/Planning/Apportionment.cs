using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>
/// Divides whole units in proportion to shares by the method of largest remainders (Hamilton 1792), with at least one unit each.
/// </summary>
internal static class Apportionment
{
    /// <summary>Divides units. Ties go to the lower index, so equal input gives equal output.</summary>
    /// <param name="units">How many there are; at least as many as shares.</param>
    /// <param name="shares">Each &gt; 0.</param>
    /// <returns>The units of each share; they sum to <paramref name="units"/>.</returns>
    public static int[] Divide(int units, ReadOnlySpan<double> shares)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(units, shares.Length);
        double sum = 0;
        foreach (double share in shares)
        {
            sum += share;
        }

        int[] counts = new int[shares.Length];
        double[] quotas = new double[shares.Length];
        long given = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            quotas[i] = units * (shares[i] / sum);
            counts[i] = Math.Clamp((int)quotas[i], 1, units);
            given += counts[i];
        }

        for (; given < units; given++)
        {
            counts[Neediest(counts, quotas)]++;
        }

        for (; given > units; given--)
        {
            counts[MostFavored(counts, quotas)]--;
        }

        return counts;
    }

    /// <summary>The consecutive ranges that counts of units make, in units of <paramref name="step"/> elements.</summary>
    /// <param name="counts">Units of each range.</param>
    /// <param name="step">Elements a unit.</param>
    /// <param name="length">All elements; what is left over goes to the last range.</param>
    /// <returns>Disjoint ranges that cover all elements in order.</returns>
    public static IndexRange[] ToRanges(ReadOnlySpan<int> counts, int step, int length)
    {
        var ranges = new IndexRange[counts.Length];
        int start = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            int end = i == counts.Length - 1 ? length : start + (counts[i] * step);
            ranges[i] = new IndexRange(start, end - start);
            start = end;
        }

        return ranges;
    }

    private static int Neediest(int[] counts, double[] quotas)
    {
        int best = 0;
        for (int i = 1; i < counts.Length; i++)
        {
            if (quotas[i] - counts[i] > quotas[best] - counts[best])
            {
                best = i;
            }
        }

        return best;
    }

    private static int MostFavored(int[] counts, double[] quotas)
    {
        int best = -1;
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 1 && (best < 0 || counts[i] - quotas[i] > counts[best] - quotas[best]))
            {
                best = i;
            }
        }

        return best;
    }
}
