using System.Globalization;

namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>
/// Reads the regular-expression dialect of tokenizer files (Oniguruma with Ruby syntax): <c>^</c> and <c>$</c> are
/// about lines, <c>(?m)</c> lets the dot match line feeds, <c>*+</c> is possessive, classes may be intersected.
/// What it does not know (captures used later, conditionals, variable-length look-behind) it refuses.
/// </summary>
internal sealed class PatternParser
{
    private const int MaxLength = 64 * 1024;
    private const int MaxDepth = 100;
    private const int MaxRepeat = 1000;

    private readonly string _pattern;
    private int _at;
    private int _depth;

    private PatternParser(string pattern) => _pattern = pattern;

    /// <summary>Parses a pattern.</summary>
    /// <exception cref="FormatException">The pattern is malformed or uses what is not supported.</exception>
    public static PatternNode Parse(string pattern)
    {
        if (pattern.Length > MaxLength)
        {
            throw new FormatException($"the pattern has {pattern.Length} characters; the limit is {MaxLength}");
        }

        PatternParser parser = new(pattern);
        PatternNode node = parser.Alternatives(default);
        return parser.End ? node : throw parser.Refuse("an unmatched ')'");
    }

    private bool End => _at >= _pattern.Length;

    private PatternNode Alternatives(Flags flags)
    {
        if (++_depth > MaxDepth)
        {
            throw Refuse($"groups nested deeper than {MaxDepth}");
        }

        List<PatternNode> alternatives = [];
        do
        {
            alternatives.Add(Sequence(flags));
        }
        while (Take('|'));
        _depth--;
        return alternatives is [var only] ? only : new PatternNode.Alternate(alternatives);
    }

    private PatternNode Sequence(Flags flags)
    {
        List<PatternNode> items = [];
        while (!End && _pattern[_at] is not ('|' or ')'))
        {
            if (flags.Extended && SkipLayout())
            {
                continue;
            }

            if (Atom(flags) is { } atom)
            {
                items.Add(Quantified(atom));
            }
        }

        return items is [var only] ? only : new PatternNode.Concat(items);
    }

    private bool SkipLayout()
    {
        if (char.IsWhiteSpace(_pattern[_at]))
        {
            _at++;
            return true;
        }

        if (_pattern[_at] != '#')
        {
            return false;
        }

        while (!End && _pattern[_at] != '\n')
        {
            _at++;
        }

        return true;
    }

    private PatternNode? Atom(Flags flags)
    {
        char c = _pattern[_at];
        switch (c)
        {
            case '(':
                _at++;
                return Group(flags);
            case '[':
                _at++;
                return new PatternNode.Set(new PatternClassParser(_pattern, flags.IgnoreCase).Parse(ref _at));
            case '.':
                _at++;
                return new PatternNode.Set(flags.DotAll ? CodePointSet.Any : CodePointSet.Single('\n').Not());
            case '^':
                _at++;
                return new PatternNode.Anchor(AnchorKind.LineStart);
            case '$':
                _at++;
                return new PatternNode.Anchor(AnchorKind.LineEnd);
            case '*' or '+' or '?':
                throw Refuse($"a '{c}' with nothing to repeat");
            case '\\':
                return Escape(flags);
            default:
                return Literal(PatternEscapes.Rune(_pattern, ref _at), flags);
        }
    }

    private static PatternNode.Set Literal(int codePoint, Flags flags)
    {
        CodePointSet set = CodePointSet.Single(codePoint);
        return new PatternNode.Set(flags.IgnoreCase ? set.IgnoringCase() : set);
    }

    private PatternNode Escape(Flags flags)
    {
        char c = _at + 1 < _pattern.Length ? _pattern[_at + 1] : throw Refuse("a '\\' at the end");
        AnchorKind? anchor = c switch
        {
            'A' => AnchorKind.TextStart,
            'z' => AnchorKind.TextEnd,
            'Z' => AnchorKind.LastLineEnd,
            'b' => AnchorKind.WordBoundary,
            'B' => AnchorKind.NotWordBoundary,
            _ => null,
        };
        if (anchor is { } kind)
        {
            _at += 2;
            return new PatternNode.Anchor(kind);
        }

        if (c == 'R')
        {
            _at += 2;
            CodePointSet line = CodePointSet.Range('\n', '\r').Or(CodePointSet.Single(0x85)).Or(CodePointSet.Range(0x2028, 0x2029));
            return new PatternNode.Atomic(new PatternNode.Alternate(
            [
                new PatternNode.Concat([Literal('\r', default), Literal('\n', default)]),
                new PatternNode.Set(line),
            ]));
        }

        int start = _at;
        _at++;
        if (PatternEscapes.TrySet(_pattern, ref _at) is { } set)
        {
            return new PatternNode.Set(set);
        }

        if (PatternEscapes.TryCodePoint(_pattern, ref _at) is { } codePoint)
        {
            return Literal(codePoint, flags);
        }

        _at = start;
        throw Refuse($"the escape '\\{c}'");
    }

    private PatternNode? Group(Flags flags)
    {
        if (!Take('?'))
        {
            return Close(Alternatives(flags));
        }

        if (Take('#'))
        {
            int end = _pattern.IndexOf(')', _at);
            _at = end < 0 ? throw Refuse("a comment without end") : end + 1;
            return null;
        }

        if (Take(':'))
        {
            return Close(Alternatives(flags));
        }

        if (Take('='))
        {
            return new PatternNode.Look(Close(Alternatives(flags)), Behind: false, Negative: false);
        }

        if (Take('!'))
        {
            return new PatternNode.Look(Close(Alternatives(flags)), Behind: false, Negative: true);
        }

        if (Take('>'))
        {
            return new PatternNode.Atomic(Close(Alternatives(flags)));
        }

        if (Take('<'))
        {
            if (Take('='))
            {
                return LookBehind(flags, negative: false);
            }

            if (Take('!'))
            {
                return LookBehind(flags, negative: true);
            }

            // A named group only groups here: nothing reads captures.
            int end = _pattern.IndexOf('>', _at);
            _at = end < 0 ? throw Refuse("a group name without end") : end + 1;
            return Close(Alternatives(flags));
        }

        return FlagGroup(flags);
    }

    private PatternNode.Look LookBehind(Flags flags, bool negative)
    {
        PatternNode item = Close(Alternatives(flags));
        IReadOnlyList<PatternNode> alternatives = item is PatternNode.Alternate a ? a.Items : [item];
        if (alternatives.Any(static i => i.FixedLength is null))
        {
            throw Refuse("a look-behind of varying length");
        }

        return new PatternNode.Look(item, Behind: true, negative);
    }

    private PatternNode FlagGroup(Flags flags)
    {
        bool on = true;
        while (!End)
        {
            char c = _pattern[_at++];
            switch (c)
            {
                case '-':
                    on = false;
                    break;
                case 'i':
                    flags.IgnoreCase = on;
                    break;
                case 'm':
                    flags.DotAll = on;
                    break;
                case 'x':
                    flags.Extended = on;
                    break;
                case ':':
                    return Close(Alternatives(flags));
                case ')':
                    // (?i) holds to the end of the group it stands in, alternatives included.
                    return Alternatives(flags);
                default:
                    _at--;
                    throw Refuse($"the group option '{c}'");
            }
        }

        throw Refuse("a group without end");
    }

    private PatternNode Close(PatternNode node) => Take(')') ? node : throw Refuse("a group without ')'");

    private PatternNode Quantified(PatternNode atom)
    {
        while (!End)
        {
            int min, max;
            bool braces = false;
            switch (_pattern[_at])
            {
                case '*':
                    (min, max) = (0, int.MaxValue);
                    _at++;
                    break;
                case '+':
                    (min, max) = (1, int.MaxValue);
                    _at++;
                    break;
                case '?':
                    (min, max) = (0, 1);
                    _at++;
                    break;
                case '{' when Braces(out min, out max):
                    braces = true;
                    break;
                default:
                    return atom;
            }

            if (atom is PatternNode.Anchor or PatternNode.Look)
            {
                throw Refuse("a repeated condition");
            }

            bool lazy = Take('?');
            atom = new PatternNode.Repeat(atom, min, max, lazy);
            if (!lazy && !braces && Take('+'))
            {
                atom = new PatternNode.Atomic(atom);
            }
        }

        return atom;
    }

    private bool Braces(out int min, out int max)
    {
        (min, max) = (0, 0);
        int end = _pattern.IndexOf('}', _at);
        if (end < 0)
        {
            return false;
        }

        string[] bounds = _pattern[(_at + 1)..end].Split(',');
        if (bounds.Length > 2 || bounds.Any(static b => b.Any(static c => !char.IsAsciiDigit(c))) || bounds.All(static b => b.Length == 0))
        {
            // Not a count: the brace stands for itself.
            return false;
        }

        min = bounds[0].Length == 0 ? 0 : Count(bounds[0]);
        max = bounds.Length == 1 ? min : bounds[1].Length == 0 ? int.MaxValue : Count(bounds[1]);
        if (max < min)
        {
            throw Refuse("a count whose end is below its start");
        }

        _at = end + 1;
        return true;
    }

    private int Count(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count <= MaxRepeat
            ? count
            : throw Refuse($"a count above {MaxRepeat}");

    private bool Take(char c)
    {
        if (End || _pattern[_at] != c)
        {
            return false;
        }

        _at++;
        return true;
    }

    private FormatException Refuse(string what) => new($"{what} at character {_at} of the pattern");

    private struct Flags
    {
        public bool IgnoreCase;
        public bool DotAll;
        public bool Extended;
    }
}
