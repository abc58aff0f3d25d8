using System.Text;

namespace Exo.Sdk.Generation;

/// <summary>Holds back text that may turn out to be the start of a stop string, and cuts the text at the first one found.</summary>
internal sealed class StopStringFilter(IReadOnlyList<string> stops)
{
    private readonly string[] _stops = [.. stops];
    private readonly StringBuilder _held = new();

    /// <summary>Adds text.</summary>
    /// <param name="text">The new text.</param>
    /// <param name="stopped">Whether a stop string is complete; the text before it is returned and nothing more will come.</param>
    /// <returns>The text that is certain.</returns>
    public string Append(string text, out bool stopped)
    {
        stopped = false;
        if (_stops.Length == 0)
        {
            return text;
        }

        string all = _held.Length == 0 ? text : _held.Append(text).ToString();
        int cut = -1;
        foreach (string stop in _stops)
        {
            int at = all.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (cut < 0 || at < cut))
            {
                cut = at;
            }
        }

        _held.Clear();
        if (cut >= 0)
        {
            stopped = true;
            return all[..cut];
        }

        int keep = LongestPossibleStart(all);
        _held.Append(all, all.Length - keep, keep);
        return all[..^keep];
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What was held back.</returns>
    public string Flush()
    {
        string rest = _held.ToString();
        _held.Clear();
        return rest;
    }

    /// <summary>The length of the longest end of the text that begins a stop string.</summary>
    private int LongestPossibleStart(string text)
    {
        int longest = 0;
        foreach (string stop in _stops)
        {
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}
