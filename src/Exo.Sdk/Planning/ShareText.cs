using System.Globalization;

namespace Exo.Sdk.Planning;

/// <summary>Proportions as text for people.</summary>
internal static class ShareText
{
    /// <summary>Writes shares as a ratio.</summary>
    /// <param name="shares">Each &gt; 0.</param>
    /// <returns>For example <c>3:1</c>, or <c>1.29:1</c> where they are not whole numbers.</returns>
    public static string Ratio(IReadOnlyList<double> shares)
    {
        if (shares.All(static share => share == Math.Floor(share) && share <= int.MaxValue))
        {
            return Ratio([.. shares.Select(static share => (int)share)]);
        }

        double least = shares.Min();
        return string.Join(':', shares.Select(share => (share / least).ToString("0.##", CultureInfo.InvariantCulture)));
    }

    /// <summary>Writes counts as a ratio in lowest terms.</summary>
    /// <param name="counts">Each &gt; 0.</param>
    /// <returns>For example <c>13:5</c>.</returns>
    public static string Ratio(IReadOnlyList<int> counts)
    {
        int divisor = counts.Aggregate(0, Gcd);
        return string.Join(':', counts.Select(count => (count / divisor).ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>Whether some count differs from its share by more than half a hundredth of the whole.</summary>
    /// <param name="counts">What each got.</param>
    /// <param name="shares">What each was to get.</param>
    /// <returns>True where the difference is worth a remark.</returns>
    public static bool Differs(IReadOnlyList<int> counts, IReadOnlyList<double> shares)
    {
        double total = counts.Sum(static count => (double)count);
        if (total == 0)
        {
            return false;
        }

        double whole = shares.Sum();
        return counts.Zip(shares, (count, share) => Math.Abs((count / total) - (share / whole))).Any(static difference => difference > 0.005);
    }

    private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
}
