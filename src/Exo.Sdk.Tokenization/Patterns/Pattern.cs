using System.Diagnostics.CodeAnalysis;

namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>
/// A compiled regular expression of a tokenizer file, matched over code points. .NET's own engine is not used: it
/// works on UTF-16 units, so <c>\p{L}</c> would miss letters beyond U+FFFF and <c>[^…]</c> would cut them in half,
/// and its only bound is a time, which makes the same text pass on one machine and fail on another. This one
/// backtracks under a bound on steps that grows with the text. Immutable and safe for concurrent use.
/// </summary>
internal sealed class Pattern
{
    private const long StepsPerText = 1_000_000;
    private const long StepsPerCharacter = 256;

    private readonly PatternInstruction[] _code;
    private readonly int _registers;
    private readonly string _source;

    private Pattern(string source, PatternNode node)
    {
        _source = source;
        (_code, _registers) = PatternCompiler.Compile(node);
    }

    /// <summary>Compiles a pattern.</summary>
    /// <exception cref="FormatException">The pattern is malformed, too large or uses what is not supported.</exception>
    public static Pattern Compile(string source) => new(source, PatternParser.Parse(source));

    /// <summary>Compiles a pattern that matches <paramref name="text"/> as it stands.</summary>
    public static Pattern Literal(string text) => new(text, new PatternNode.Concat(
        [.. text.EnumerateRunes().Select(static r => new PatternNode.Set(CodePointSet.Single(r.Value)))]));

    /// <summary>Compiles a pattern that matches any one code point of a set.</summary>
    public static Pattern OneOf(CodePointSet set, string name) => new(name, new PatternNode.Set(set));

    /// <summary>
    /// Finds all matches, left to right, none overlapping. Empty ones count, except right behind the match before.
    /// </summary>
    /// <param name="text">A well-formed text; what lies outside <paramref name="span"/> does not exist for the pattern.</param>
    /// <param name="span">Where to look.</param>
    /// <param name="matches">Receives the matches.</param>
    /// <exception cref="TokenizationException">The text needs more steps than the bound.</exception>
    public void FindAll(string text, TextSpan span, List<TextSpan> matches)
    {
        Matcher matcher = new(this, text, span);
        int at = span.Start, last = -1;
        while (at <= span.End)
        {
            int end = matcher.Run(0, at);
            if (end > at || (end == at && at != last))
            {
                matches.Add(new TextSpan(at, end));
                last = end;
            }

            at = end > at ? end : at + (at < span.End && char.IsHighSurrogate(text[at]) ? 2 : 1);
        }
    }

    private readonly record struct Choice(int Pc, int At, int Least);

    // A choice with this pc restores register At to Least.
    private const int RestoreRegister = -1;

    private ref struct Matcher(Pattern pattern, string text, TextSpan span)
    {
        private readonly PatternInstruction[] _code = pattern._code;
        private readonly int[] _registers = pattern._registers == 0 ? [] : new int[pattern._registers];
        private Choice[] _choices = new Choice[16];
        private int _count;
        private long _steps = StepsPerText + (StepsPerCharacter * span.Length);

        /// <summary>Runs from <paramref name="pc"/> at <paramref name="at"/>; the end of the match, or -1.</summary>
        public int Run(int pc, int at)
        {
            int floor = _count;
            while (true)
            {
                if (--_steps < 0)
                {
                    Refuse();
                }

                ref readonly PatternInstruction i = ref _code[pc];
                bool ok = true;
                switch (i.Op)
                {
                    case PatternOp.Accept:
                        _count = floor;
                        return at;
                    case PatternOp.Set:
                        ok = Step(i.Set!, ref at);
                        pc++;
                        break;
                    case PatternOp.Loop:
                        ok = Loop(i, ref at, pc + 1);
                        pc++;
                        break;
                    case PatternOp.PossessiveLoop:
                        ok = Loop(i, ref at, -1);
                        pc++;
                        break;
                    case PatternOp.Split:
                        Push(new(i.B, at, at));
                        pc = i.A;
                        break;
                    case PatternOp.Jump:
                        pc = i.A;
                        break;
                    case PatternOp.Atomic:
                        int end = Run(pc + 1, at);
                        ok = end >= 0;
                        at = ok ? end : at;
                        pc = i.A;
                        break;
                    case PatternOp.Ahead or PatternOp.NotAhead:
                        ok = Run(pc + 1, at) >= 0 == (i.Op == PatternOp.Ahead);
                        pc = i.A;
                        break;
                    case PatternOp.Behind or PatternOp.NotBehind:
                        int from = Back(at, i.B);
                        ok = (from >= 0 && Run(pc + 1, from) >= 0) == (i.Op == PatternOp.Behind);
                        pc = i.A;
                        break;
                    case PatternOp.Anchor:
                        ok = Holds((AnchorKind)i.A, at);
                        pc++;
                        break;
                    case PatternOp.Mark:
                        Push(new(RestoreRegister, i.A, _registers[i.A]));
                        _registers[i.A] = at;
                        pc++;
                        break;
                    case PatternOp.LeaveIfEmpty:
                        pc = _registers[i.A] == at ? i.B : pc + 1;
                        break;
                }

                if (!ok && !Backtrack(floor, ref pc, ref at))
                {
                    return -1;
                }
            }
        }

        private bool Backtrack(int floor, ref int pc, ref int at)
        {
            while (_count > floor)
            {
                ref Choice choice = ref _choices[_count - 1];
                if (choice.Pc == RestoreRegister)
                {
                    _registers[choice.At] = choice.Least;
                    _count--;
                    continue;
                }

                pc = choice.Pc;
                at = choice.At;
                if (choice.At > choice.Least)
                {
                    int one = char.IsLowSurrogate(text[at - 1]) ? 2 : 1;
                    choice = choice with { At = at - one };
                }
                else
                {
                    _count--;
                }

                return true;
            }

            return false;
        }

        private readonly bool Step(CodePointSet set, ref int at)
        {
            if (at >= span.End)
            {
                return false;
            }

            char c = text[at];
            if (!char.IsHighSurrogate(c))
            {
                bool member = set.Contains(c);
                at += member ? 1 : 0;
                return member;
            }

            bool astral = set.Contains(char.ConvertToUtf32(c, text[at + 1]));
            at += astral ? 2 : 0;
            return astral;
        }

        // With next < 0 nothing is given back.
        private bool Loop(in PatternInstruction loop, ref int at, int next)
        {
            int count = 0, least = at;
            while (count < loop.B && Step(loop.Set!, ref at))
            {
                count++;
                if (count == loop.A)
                {
                    least = at;
                }
            }

            _steps -= count;
            if (count < loop.A)
            {
                return false;
            }

            if (next >= 0 && at > least)
            {
                Push(new(next, at - (char.IsLowSurrogate(text[at - 1]) ? 2 : 1), least));
            }

            return true;
        }

        private readonly int Back(int at, int codePoints)
        {
            for (; codePoints > 0; codePoints--)
            {
                if (at <= span.Start)
                {
                    return -1;
                }

                at -= char.IsLowSurrogate(text[at - 1]) ? 2 : 1;
            }

            return at;
        }

        private readonly bool Holds(AnchorKind kind, int at) => kind switch
        {
            AnchorKind.TextStart => at == span.Start,
            AnchorKind.TextEnd => at == span.End,
            AnchorKind.LastLineEnd => at == span.End || (at == span.End - 1 && text[at] == '\n'),
            AnchorKind.LineStart => at == span.Start || text[at - 1] == '\n',
            AnchorKind.LineEnd => at == span.End || text[at] == '\n',
            AnchorKind.WordBoundary => Word(at) != Word(Back(at, 1)),
            _ => Word(at) == Word(Back(at, 1)),
        };

        private readonly bool Word(int at) => at >= 0 && Step(CodePointSet.Word, ref at);

        private void Push(Choice choice)
        {
            if (_count == _choices.Length)
            {
                Array.Resize(ref _choices, _count * 2);
            }

            _choices[_count++] = choice;
        }

        [DoesNotReturn]
        private readonly void Refuse() => throw new TokenizationException(
            $"The tokenizer's pattern '{pattern._source}' needs more than {StepsPerText + (StepsPerCharacter * span.Length)} steps "
            + $"on a text of {span.Length} characters. Shorten or split the text.");
    }
}
