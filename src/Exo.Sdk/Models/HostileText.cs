using System.Globalization;
using System.Text;

namespace Exo.Sdk.Models;

/// <summary>Text out of a model file, made fit to stand in an error message.</summary>
internal static class HostileText
{
    private const int LongestQuote = 120;

    /// <summary>Quotes a text: shortened, and with control characters escaped, so that it can neither flood nor steer a terminal.</summary>
    public static string Quote(string text)
    {
        StringBuilder quote = new("'");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, LongestQuote)))
        {
            if (char.IsControl(c) || char.IsSurrogate(c))
            {
                quote.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                quote.Append(c);
            }
        }

        return quote.Append(text.Length > LongestQuote ? "…'" : "'").ToString();
    }
}
