using System.Globalization;
using System.Text;

namespace Exo.Sdk.Input;

/// <summary>Text out of a model file or from another machine, made fit to stand in an error message, a log or on a terminal.</summary>
internal static class HostileText
{
    private const int LongestPart = 120;

    /// <summary>Quotes a text after <see cref="Shorten"/>.</summary>
    public static string Quote(string text) => $"'{Shorten(text)}'";

    /// <summary>
    /// Shortens a text and escapes what is not plainly visible (control and format characters, direction marks, surrogates), so that it can
    /// neither flood nor steer a terminal.
    /// </summary>
    /// <param name="text">The text; null is as good as empty.</param>
    /// <param name="longest">The most characters to keep.</param>
    public static string Shorten(string? text, int longest = LongestPart)
    {
        if (text is null)
        {
            return "";
        }

        StringBuilder part = new();
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, longest)))
        {
            if (IsInvisible(c))
            {
                part.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                part.Append(c);
            }
        }

        return text.Length > longest ? part.Append('…').ToString() : part.ToString();
    }

    private static bool IsInvisible(char c) => char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
