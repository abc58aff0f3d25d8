using System.Text;

namespace Exo.Sdk.Tokenization.Unicode;

/// <summary>Lower case without context or culture, one code point at a time (Unicode, SpecialCasing.txt included).</summary>
internal static class LetterCase
{
    /// <summary>The text in lower case.</summary>
    public static string Lower(string text)
    {
        StringBuilder? result = null;
        int done = 0;
        Span<char> units = stackalloc char[2];
        foreach (Rune rune in text.EnumerateRunes())
        {
            Rune lower = Rune.ToLowerInvariant(rune);

            // The one letter whose lower case is two code points.
            bool dotted = rune.Value == 0x130;
            if (lower != rune || dotted)
            {
                result ??= new StringBuilder(text, 0, done, text.Length + 16);
                result.Append(dotted ? "i\u0307" : units[..lower.EncodeToUtf16(units)]);
            }
            else
            {
                result?.Append(units[..rune.EncodeToUtf16(units)]);
            }

            done += rune.Utf16SequenceLength;
        }

        return result?.ToString() ?? text;
    }
}
