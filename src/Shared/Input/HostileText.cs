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

        string part = Escape(text.AsSpan(0, Math.Min(text.Length, longest)), static c => !IsInvisible(c));
        return text.Length > longest ? part + '…' : part;
    }

    /// <summary>Escapes what <see cref="Shorten"/> escapes but line feeds and tabs, and keeps the whole text: for reports of many lines.</summary>
    /// <param name="text">The text.</param>
    public static string KeepLines(string text) => Escape(text, static c => c is '\n' or '\t' || !IsInvisible(c));

    /// <summary>Escapes control characters but line feeds and tabs, and leaves out carriage returns. All that can be read stays, in any script.</summary>
    /// <param name="text">The text.</param>
    public static string KeepReadable(string text) =>
        Escape(text.Replace("\r", "", StringComparison.Ordinal), static c => c is '\n' or '\t' || !char.IsControl(c));

    private static string Escape(ReadOnlySpan<char> text, Func<char, bool> stays)
    {
        StringBuilder escaped = new();
        foreach (char c in text)
        {
            if (stays(c))
            {
                escaped.Append(c);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
        }

        return escaped.ToString();
    }

    private static bool IsInvisible(char c) => char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
