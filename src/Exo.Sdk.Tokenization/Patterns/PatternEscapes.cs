using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>The escapes that mean the same inside and outside a character class.</summary>
internal static class PatternEscapes
{
    /// <summary>Reads one code point as it stands and steps over it.</summary>
    public static int Rune(string pattern, ref int at)
    {
        if (System.Text.Rune.DecodeFromUtf16(pattern.AsSpan(at), out Rune rune, out int consumed) != System.Buffers.OperationStatus.Done)
        {
            throw new FormatException($"half a surrogate pair at character {at} of the pattern");
        }

        at += consumed;
        return rune.Value;
    }

    /// <summary>Reads what follows a backslash as a set, or answers null and stays.</summary>
    public static CodePointSet? TrySet(string pattern, ref int at)
    {
        char c = pattern[at];
        if (c is 'p' or 'P')
        {
            at++;
            CodePointSet set = Property(pattern, ref at);
            return c == 'P' ? set.Not() : set;
        }

        CodePointSet? known = c switch
        {
            's' => CodePointSet.Space,
            'S' => CodePointSet.Space.Not(),
            'd' => CodePointSet.Digit,
            'D' => CodePointSet.Digit.Not(),
            'w' => CodePointSet.Word,
            'W' => CodePointSet.Word.Not(),
            'h' => HexDigit,
            'H' => HexDigit.Not(),
            _ => null,
        };
        at += known is null ? 0 : 1;
        return known;
    }

    /// <summary>Reads what follows a backslash as one code point, or answers null and stays.</summary>
    public static int? TryCodePoint(string pattern, ref int at)
    {
        char c = pattern[at];
        switch (c)
        {
            case 'n':
                at++;
                return '\n';
            case 'r':
                at++;
                return '\r';
            case 't':
                at++;
                return '\t';
            case 'f':
                at++;
                return '\f';
            case 'v':
                at++;
                return '\v';
            case 'a':
                at++;
                return '\a';
            case 'e':
                at++;
                return 0x1B;
            case '0':
                at++;
                return 0;
            case 'x' when at + 1 < pattern.Length && pattern[at + 1] == '{':
                int end = pattern.IndexOf('}', at);
                string digits = end < 0 ? "" : pattern[(at + 2)..end];
                at = end + 1;
                return Hex(digits, pattern);
            case 'x':
                string two = pattern.Substring(at + 1, Math.Min(2, pattern.Length - at - 1));
                at += 1 + two.Length;
                return Hex(two, pattern);
            case 'u':
                string four = pattern.Substring(at + 1, Math.Min(4, pattern.Length - at - 1));
                at += 1 + four.Length;
                return four.Length == 4 ? Hex(four, pattern) : throw new FormatException($"a short \\u escape in the pattern '{pattern}'");
        }

        // An escaped letter or digit that is none of the above means something we do not know.
        return char.IsAsciiLetterOrDigit(c) ? null : Rune(pattern, ref at);
    }

    private static CodePointSet HexDigit { get; } =
        CodePointSet.Range('0', '9').Or(CodePointSet.Range('a', 'f')).Or(CodePointSet.Range('A', 'F'));

    private static int Hex(string digits, string pattern) =>
        int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && System.Text.Rune.IsValid(value)
            ? value
            : throw new FormatException($"'{digits}' is not the number of a character, in the pattern '{pattern}'");

    private static CodePointSet Property(string pattern, ref int at)
    {
        string name;
        if (at < pattern.Length && pattern[at] == '{')
        {
            int end = pattern.IndexOf('}', at);
            name = end < 0 ? throw new FormatException("a property name without '}'") : pattern[(at + 1)..end];
            at = end + 1;
        }
        else
        {
            name = at < pattern.Length ? pattern.Substring(at++, 1) : throw new FormatException("a property without name");
        }

        bool negated = name.StartsWith('^');
        CodePointSet set = Named(negated ? name[1..] : name);
        return negated ? set.Not() : set;
    }

    private static CodePointSet Named(string name) => CodePointSet.TryMask(name) is { } mask
        ? CodePointSet.Categories(mask)
        : name switch
        {
            "Any" => CodePointSet.Any,
            "ASCII" => CodePointSet.Range(0, 0x7F),
            "Space" or "White_Space" => CodePointSet.Space,
            "Digit" => CodePointSet.Digit,
            "Word" => CodePointSet.Word,
            "Han" => UnicodeScripts.Han,
            "Hiragana" => UnicodeScripts.Hiragana,
            "Katakana" => UnicodeScripts.Katakana,
            "Hangul" => UnicodeScripts.Hangul,
            _ => throw new FormatException(
                $"the property '{name}'; supported are the general categories, Any, ASCII, Space, Digit, Word, Han, Hiragana, Katakana, Hangul"),
        };
}
