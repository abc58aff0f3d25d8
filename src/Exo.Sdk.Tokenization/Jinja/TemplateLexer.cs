using System.Globalization;
using System.Text;
using Exo.Sdk.Input;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The kinds of token in a template.</summary>
internal enum TemplateTokenKind
{
    /// <summary>Text outside of tags.</summary>
    Data,

    /// <summary><c>{{</c>.</summary>
    PrintBegin,

    /// <summary><c>}}</c>.</summary>
    PrintEnd,

    /// <summary><c>{%</c>.</summary>
    BlockBegin,

    /// <summary><c>%}</c>.</summary>
    BlockEnd,

    /// <summary>A name or a word of the language.</summary>
    Name,

    /// <summary>A string, its escapes resolved.</summary>
    String,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number with a fraction.</summary>
    Float,

    /// <summary>An operator or a bracket.</summary>
    Operator,

    /// <summary>The end of the template.</summary>
    End,
}

/// <summary>A token of a template.</summary>
internal readonly record struct TemplateToken(TemplateTokenKind Kind, string Text, int Line);

/// <summary>
/// Cuts a template into tokens, with the white-space rules that Hugging Face renders chat templates with: the line
/// break behind a block goes (trim_blocks), so does the white space before one at the start of a line (lstrip_blocks),
/// and so does the last line break of the template.
/// </summary>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    // What Python's own names never come near; a longer one would be hashed at every use.
    private const int MaxName = 256;

    private const int TokenBytes = 48;

    private readonly string _source;
    private readonly TemplateBudget _budget;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _counted;
    private bool _atLineStart = true;

    private TemplateLexer(string source, TemplateBudget budget)
    {
        _source = source;
        _budget = budget;
    }

    /// <summary>Cuts a template.</summary>
    /// <exception cref="FormatException">A tag or a string has no end, or a character belongs to nothing.</exception>
    /// <exception cref="TemplateError">It costs too much.</exception>
    public static List<TemplateToken> Cut(string template, TemplateBudget budget)
    {
        budget.SpendText(template.Length);
        string source = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        TemplateLexer lexer = new(source.EndsWith('\n') ? source[..^1] : source, budget);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (_at < _source.Length)
        {
            int tag = NextTag();
            if (tag < 0)
            {
                Add(TemplateTokenKind.Data, _source[_at..]);
                _at = _source.Length;
                break;
            }

            char kind = _source[tag + 1];
            char sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';
            string data = DataBefore(tag, kind, sign);
            if (data.Length > 0)
            {
                Add(TemplateTokenKind.Data, data);
            }

            _at = tag + (sign == ' ' ? 2 : 3);
            switch (kind)
            {
                case '#':
                    Comment();
                    break;
                case '{':
                    Tag(TemplateTokenKind.PrintBegin, TemplateTokenKind.PrintEnd, "}}");
                    break;
                default:
                    if (!Raw())
                    {
                        Tag(TemplateTokenKind.BlockBegin, TemplateTokenKind.BlockEnd, "%}");
                    }

                    break;
            }
        }

        Add(TemplateTokenKind.End, "");
    }

    private int NextTag()
    {
        for (int i = _at; i + 1 < _source.Length; i++)
        {
            i = _source.IndexOf('{', i);
            if (i < 0 || i + 1 >= _source.Length)
            {
                return -1;
            }

            if (_source[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }

        return -1;
    }

    private string DataBefore(int tag, char kind, char sign)
    {
        int end = tag;
        if (sign == '-')
        {
            while (end > _at && TemplateText.IsSpace(_source[end - 1]))
            {
                end--;
            }
        }
        else if (sign != '+' && kind != '{')
        {
            int start = end;
            while (start > _at && TemplateText.IsSpace(_source[start - 1]) && _source[start - 1] != '\n')
            {
                start--;
            }

            bool lineStarts = start > _at ? _source[start - 1] == '\n' : _atLineStart;
            end = lineStarts ? start : end;
        }

        return _source[_at..end];
    }

    private void Comment()
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Fail("a comment without '#}'");
        }

        char sign = end > _at ? _source[end - 1] : ' ';
        _at = end + 2;
        AfterTag(sign, trims: true);
    }

    private bool Raw()
    {
        int at = SkipSpaces(_at);
        if (!Word(at, "raw"))
        {
            return false;
        }

        int close = SkipSpaces(at + 3);
        char sign = close < _source.Length ? _source[close] : ' ';
        close += sign is '-' or '+' ? 1 : 0;
        if (string.CompareOrdinal(_source, close, "%}", 0, 2) != 0)
        {
            return false;
        }

        _at = close + 2;
        AfterTag(sign, trims: false);
        for (int tag = _at; (tag = _source.IndexOf("{%", tag, StringComparison.Ordinal)) >= 0; tag += 2)
        {
            char before = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : ' ';
            int word = SkipSpaces(tag + (before == ' ' ? 2 : 3));
            if (!Word(word, "endraw"))
            {
                continue;
            }

            int end = _source.IndexOf("%}", word, StringComparison.Ordinal);
            if (end < 0)
            {
                break;
            }

            Add(TemplateTokenKind.Data, DataBefore(tag, '%', before));
            sign = _source[end - 1];
            _at = end + 2;
            AfterTag(sign, trims: true);
            return true;
        }

        throw Fail("a raw block without end");
    }

    private void Tag(TemplateTokenKind begin, TemplateTokenKind end, string close)
    {
        Add(begin, "");
        int depth = 0;
        while (true)
        {
            _at = SkipSpaces(_at);
            if (_at >= _source.Length)
            {
                throw Fail($"a tag without '{close}'");
            }

            if (depth == 0)
            {
                int sign = _source[_at] is '-' or '+' ? 1 : 0;
                if (string.CompareOrdinal(_source, _at + sign, close, 0, 2) == 0)
                {
                    char mark = sign == 0 ? ' ' : _source[_at];
                    Add(end, "");
                    _at += sign + 2;
                    AfterTag(mark, trims: end == TemplateTokenKind.BlockEnd);
                    return;
                }
            }

            Inner(ref depth);
        }
    }

    // What a '-' or the end of a block takes away behind the tag.
    private void AfterTag(char sign, bool trims)
    {
        int start = _at;
        if (sign == '-')
        {
            _at = SkipSpaces(_at);
        }
        else if (trims && sign != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
        }

        _atLineStart = _at > start && _source[_at - 1] == '\n';
    }

    private void Inner(ref int depth)
    {
        char c = _source[_at];
        if (char.IsAsciiLetter(c) || c == '_' || (c > 0x7F && char.IsLetter(c)))
        {
            int start = _at;
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_'))
            {
                _at++;
            }

            Add(TemplateTokenKind.Name, _at - start <= MaxName ? _source[start.._at] : throw Fail($"a name of more than {MaxName} characters"));
        }
        else if (char.IsAsciiDigit(c))
        {
            Number();
        }
        else if (c is '\'' or '"')
        {
            Add(TemplateTokenKind.String, Text(c));
        }
        else
        {
            string found = Operator() ?? throw Fail($"the character '{c}'");
            depth += found is "(" or "[" or "{" ? 1 : found is ")" or "]" or "}" ? -1 : 0;
            if (depth < 0)
            {
                throw Fail($"an unmatched '{found}'");
            }

            Add(TemplateTokenKind.Operator, found);
            _at += found.Length;
        }
    }

    private string? Operator()
    {
        foreach (string known in Operators)
        {
            if (string.CompareOrdinal(_source, _at, known, 0, known.Length) == 0)
            {
                return known;
            }
        }

        return null;
    }

    private void Number()
    {
        int start = _at;
        bool isFloat = false;
        Digits();
        // Behind a dot it is a place in a list: a.0.1.
        bool isPlace = start > 0 && _source[start - 1] == '.';
        if (!isPlace && _at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]))
        {
            isFloat = true;
            _at++;
            Digits();
        }

        if (!isPlace && _at < _source.Length && _source[_at] is 'e' or 'E')
        {
            int digits = _at + 1 < _source.Length && _source[_at + 1] is '+' or '-' ? _at + 2 : _at + 1;
            if (digits < _source.Length && char.IsAsciiDigit(_source[digits]))
            {
                isFloat = true;
                _at = digits;
                Digits();
            }
        }

        Add(isFloat ? TemplateTokenKind.Float : TemplateTokenKind.Integer, _source[start.._at].Replace("_", "", StringComparison.Ordinal));
    }

    private void Digits()
    {
        while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '_'))
        {
            _at++;
        }
    }

    // Escapes as in Python; one that means nothing stands for itself.
    private string Text(char quote)
    {
        StringBuilder text = new();
        for (_at++; _at < _source.Length && _source[_at] != quote; _at++)
        {
            if (_source[_at] != '\\' || _at + 1 >= _source.Length)
            {
                text.Append(_source[_at]);
                continue;
            }

            char c = _source[++_at];
            int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0)
            {
                string hex = _source.Substring(_at + 1, Math.Min(digits, _source.Length - _at - 1));
                if (hex.Length < digits || !int.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
                {
                    throw Fail($"the escape '\\{c}{hex}'");
                }

                text.Append(code < 0x10000 ? ((char)code).ToString() : char.ConvertFromUtf32(code));
                _at += digits;
                continue;
            }

            text.Append(c switch
            {
                'n' => "\n",
                't' => "\t",
                'r' => "\r",
                'b' => "\b",
                'f' => "\f",
                'v' => "\v",
                'a' => "\a",
                '0' => "\0",
                '\n' => "",
                '\\' or '\'' or '"' => c.ToString(),
                _ => $"\\{c}",
            });
        }

        if (_at >= _source.Length)
        {
            throw Fail("a string without end");
        }

        _at++;
        return text.ToString();
    }

    private bool Word(int at, string word) => string.CompareOrdinal(_source, at, word, 0, word.Length) == 0
        && (at + word.Length >= _source.Length || !char.IsLetterOrDigit(_source[at + word.Length]));

    private int SkipSpaces(int at)
    {
        while (at < _source.Length && TemplateText.IsSpace(_source[at]))
        {
            at++;
        }

        return at;
    }

    private void Add(TemplateTokenKind kind, string text)
    {
        _budget.Spend(1 + (text.Length / 8));
        _budget.Allocate(TokenBytes + (2L * text.Length));
        _tokens.Add(new(kind, text, Line()));
    }

    private int Line()
    {
        for (; _counted < Math.Min(_at, _source.Length); _counted++)
        {
            _line += _source[_counted] == '\n' ? 1 : 0;
        }

        return _line;
    }

    private FormatException Fail(string what) => new($"{HostileText.Shorten(what)} in line {Line()}");
}
