using System.Globalization;
using System.Text;

namespace Exo.Sdk.Input;

/// <summary>Text out of a model file, made fit to stand in an error message.</summary>
internal static class HostileText
{
    private const int LongestPart = 120;

    /// <summary>Quotes a text after <see cref="Shorten"/>.</summary>
    public static string Quote(string text) => $"'{Shorten(text)}'";

    /// <summary>Shortens a text and escapes its control characters, so that it can neither flood nor steer a terminal.</summary>
    public static string Shorten(string text)
    {
        StringBuilder part = new();
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, LongestPart)))
        {
            if (char.IsControl(c) || char.IsSurrogate(c))
            {
                part.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                part.Append(c);
            }
        }

        return text.Length > LongestPart ? part.Append('…').ToString() : part.ToString();
    }
}
