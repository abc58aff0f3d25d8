using System.Globalization;
using System.Text;

namespace Exo.Sdk.Planning;

/// <summary>Writes a plan as a table for people.</summary>
public static class ShardPlanText
{
    private static readonly string[] Header =
        ["rank", "device", "query heads", "kv heads", "channels", "vocabulary", "weights", "KV cache", "buffers", "total"];

    /// <summary>
    /// Writes one line for each rank with the part that it holds and what it takes in memory, then the limits and the remarks.
    /// Ranges are half-open. The text is plain ASCII with line feeds, and ends with one.
    /// </summary>
    /// <param name="plan">The plan.</param>
    /// <returns>The text.</returns>
    public static string Render(ShardPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        List<string[]> rows = [Header, .. plan.Ranks.Select(RowOf)];
        int[] widths = [.. Enumerable.Range(0, Header.Length).Select(column => rows.Max(row => row[column].Length))];
        StringBuilder text = new();
        foreach (string[] row in rows)
        {
            text.Append(Line(row, widths)).Append('\n');
        }

        text.Append('\n').Append(CultureInfo.InvariantCulture, $"{plan.WorldSize} ranks, context {plan.ContextLength} tokens");
        text.Append(CultureInfo.InvariantCulture, $" x {plan.MaxSequences} sequences, ");
        text.Append(ByteSize.Format(plan.Ranks.Sum(static rank => rank.KeyValueBytesPerToken))).Append(" of KV cache a token, ");
        text.Append(ByteSize.Format(plan.Ranks.Sum(static rank => rank.WeightBytes))).Append(" of weights, ");
        text.Append(ByteSize.Format(plan.Ranks.Sum(static rank => rank.DecodeCost.Bytes))).Append(" read a token at full context, ");
        text.Append(ByteSize.Format(plan.Ranks.Sum(static rank => rank.TotalBytes))).Append(" together\n");
        foreach (string note in plan.Notes)
        {
            text.Append("note: ").Append(note).Append('\n');
        }

        return text.ToString();
    }

    private static string[] RowOf(RankPlan rank)
    {
        ShardAssignment part = rank.Assignment;
        return
        [
            part.Rank.ToString(CultureInfo.InvariantCulture),
            rank.Device,
            part.QueryHeads.ToString(),
            part.KeyValueHeads.ToString(),
            part.Channels.ToString(),
            part.Tokens.ToString(),
            ByteSize.Format(rank.WeightBytes),
            ByteSize.Format(rank.KeyValueBytes),
            ByteSize.Format(rank.ActivationBytes),
            ByteSize.Format(rank.TotalBytes),
        ];
    }

    // The device's name is set flush left, all else flush right.
    private static string Line(string[] row, int[] widths) =>
        string.Join("  ", row.Select((cell, column) => column == 1 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])));
}
