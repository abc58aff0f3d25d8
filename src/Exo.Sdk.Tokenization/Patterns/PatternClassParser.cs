namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>Reads what stands between square brackets.</summary>
/// <param name="pattern">The whole pattern.</param>
/// <param name="ignoreCase">Whether case is ignored here.</param>
internal readonly struct PatternClassParser(string pattern, bool ignoreCase)
{
    private const int MaxDepth = 16;

    /// <summary>Reads a class whose opening bracket has been read.</summary>
    /// <param name="at">The position; moved behind the closing bracket.</param>
    /// <exception cref="FormatException">The class is malformed.</exception>
    public CodePointSet Parse(ref int at) => Parse(ref at, 0);

    private CodePointSet Parse(ref int at, int depth)
    {
        if (depth > MaxDepth)
        {
            throw Refuse("classes nested too deep", at);
        }

        bool negated = Take('^', ref at);
        CodePointSet? union = null, intersection = null;
        bool first = true;
        while (true)
        {
            char c = at < pattern.Length ? pattern[at] : throw Refuse("a class without ']'", at);
            if (c == ']' && !first)
            {
                at++;
                break;
            }

            first = false;
            if (c == '&' && at + 1 < pattern.Length && pattern[at + 1] == '&')
            {
                at += 2;
                CodePointSet left = union ?? throw Refuse("an intersection with nothing", at);
                intersection = intersection?.And(left) ?? left;
                union = null;
                continue;
            }

            CodePointSet item = Item(ref at, depth);
            union = union?.Or(item) ?? item;
        }

        CodePointSet set = union ?? throw Refuse("an empty class", at);
        set = intersection?.And(set) ?? set;
        return negated ? set.Not() : set;
    }

    private CodePointSet Item(ref int at, int depth)
    {
        if (pattern[at] == '[')
        {
            if (at + 1 < pattern.Length && pattern[at + 1] == ':')
            {
                return Posix(ref at);
            }

            at++;
            return Parse(ref at, depth + 1);
        }

        if (pattern[at] == '\\')
        {
            int escape = at + 1 < pattern.Length ? at + 1 : throw Refuse("a '\\' at the end", at);
            if (PatternEscapes.TrySet(pattern, ref escape) is { } set)
            {
                at = escape;
                return set;
            }
        }

        int low = CodePoint(ref at);
        int high = low;
        if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
        {
            at++;
            high = CodePoint(ref at);
            if (high < low)
            {
                throw Refuse("a range whose end is below its start", at);
            }
        }

        CodePointSet range = CodePointSet.Range(low, high);
        return ignoreCase ? range.IgnoringCase() : range;
    }

    private int CodePoint(ref int at)
    {
        if (pattern[at] != '\\')
        {
            return PatternEscapes.Rune(pattern, ref at);
        }

        at++;
        if (at < pattern.Length && pattern[at] == 'b')
        {
            at++;
            return '\b';
        }

        return at < pattern.Length && PatternEscapes.TryCodePoint(pattern, ref at) is { } codePoint
            ? codePoint
            : throw Refuse("an unknown escape", at);
    }

    private CodePointSet Posix(ref int at)
    {
        int end = pattern.IndexOf(":]", at, StringComparison.Ordinal);
        string name = end < 0 ? throw Refuse("a class name without ':]'", at) : pattern[(at + 2)..end];
        bool negated = name.StartsWith('^');
        CodePointSet set = name.TrimStart('^') switch
        {
            "space" => CodePointSet.Space,
            "digit" => CodePointSet.Digit,
            "word" => CodePointSet.Word,
            "cntrl" => CodePointSet.Of("Cc"),
            "ascii" => CodePointSet.Range(0, 0x7F),
            _ => throw Refuse($"the class name '{name}'", at),
        };
        at = end + 2;
        return negated ? set.Not() : set;
    }

    private bool Take(char c, ref int at)
    {
        if (at >= pattern.Length || pattern[at] != c)
        {
            return false;
        }

        at++;
        return true;
    }

    private static FormatException Refuse(string what, int at) => new($"{what} at character {at} of the pattern");
}
