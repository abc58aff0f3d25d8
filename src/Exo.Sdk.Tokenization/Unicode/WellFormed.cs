using System.Text;

namespace Exo.Sdk.Tokenization.Unicode;

/// <summary>Makes UTF-16 text well formed.</summary>
internal static class WellFormed
{
    /// <summary>The text with each lone surrogate replaced by U+FFFD; the same instance when there is none.</summary>
    public static string Of(string text)
    {
        int at = 0;
        while (true)
        {
            int next = text.AsSpan(at).IndexOfAnyInRange('\uD800', '\uDFFF');
            if (next < 0)
            {
                return text;
            }

            at += next;
            if (!char.IsHighSurrogate(text[at]) || at + 1 == text.Length || !char.IsLowSurrogate(text[at + 1]))
            {
                break;
            }

            at += 2;
        }

        // The enumerator does the replacement.
        StringBuilder result = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(rune.ToString());
        }

        return result.ToString();
    }
}
