using System.Globalization;
using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>What people should know of a division that its numbers do not say at a glance.</summary>
internal static class PlanRemarks
{
    /// <summary>The remarks on a division.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="ranks">The division.</param>
    /// <param name="shares">The shares it was to follow.</param>
    /// <returns>None where it follows them and repeats nothing.</returns>
    public static IEnumerable<string> Of(ModelSpec spec, IReadOnlyList<RankPlan> ranks, IReadOnlyList<double> shares)
    {
        int[] heads = [.. ranks.Select(static rank => rank.Assignment.QueryHeads.Count)];
        int[] channels = [.. ranks.Select(static rank => rank.Assignment.Channels.Count)];
        int[] tokens = [.. ranks.Select(static rank => rank.Assignment.Tokens.Count)];
        if (ShareText.Differs(heads, shares) || ShareText.Differs(channels, shares) || ShareText.Differs(tokens, shares))
        {
            yield return $"shares of {ShareText.Ratio(shares)} became {ShareText.Ratio(heads)} of the heads, "
                + $"{ShareText.Ratio(channels)} of the channels and {ShareText.Ratio(tokens)} of the vocabulary";
        }

        if (spec.CountOf(SplitUnit.KeyValueHead) is > 0 and int keyValueHeads && ranks.Count > keyValueHeads)
        {
            int[] holders = [.. Enumerable.Range(0, keyValueHeads)
                .Select(head => ranks.Count(rank => rank.Assignment.KeyValueHeads.Start == head))];
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"more ranks than the {holders.Length} key-value heads: they are repeated on {string.Join(", ", holders)} ranks");
        }
    }
}
