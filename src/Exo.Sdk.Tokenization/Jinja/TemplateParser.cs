namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Reads the statements of a template.</summary>
internal sealed class TemplateParser
{
    private static readonly string[] Statements = ["for", "if", "set", "macro", "call", "filter", "generation", "break", "continue", "raw"];

    private readonly TemplateCursor _cursor;
    private readonly TemplateExpressionParser _expressions;

    private TemplateParser(List<TemplateToken> tokens, TemplateBudget budget)
    {
        _cursor = new(tokens, budget);
        _expressions = new(_cursor);
    }

    /// <summary>Parses a template.</summary>
    /// <param name="template">Its source.</param>
    /// <param name="budget">What reading it may cost.</param>
    /// <exception cref="FormatException">The template is malformed or uses what is not supported; the message says where.</exception>
    /// <exception cref="TemplateError">It costs too much.</exception>
    public static IReadOnlyList<TemplateStatement> Parse(string template, TemplateBudget budget)
    {
        TemplateParser parser = new(TemplateLexer.Cut(template, budget), budget);
        IReadOnlyList<TemplateStatement> statements = parser.Body();
        return parser._cursor.Kind == TemplateTokenKind.End
            ? statements
            : throw parser._cursor.Fail($"'{parser._cursor.Peek(1).Text}' closes nothing");
    }

    // Statements up to a block that starts with one of the given words, which stays unread, or the end.
    private List<TemplateStatement> Body(params ReadOnlySpan<string> until)
    {
        _cursor.Enter();
        List<TemplateStatement> statements = [];
        while (_cursor.Kind != TemplateTokenKind.End)
        {
            TemplateToken token = _cursor.Current;
            if (token.Kind == TemplateTokenKind.Data)
            {
                _cursor.Next();
                statements.Add(new TemplateStatement.Data(token.Line, token.Text));
            }
            else if (token.Kind == TemplateTokenKind.PrintBegin)
            {
                _cursor.Next();
                TemplateExpression value = _expressions.Tuple();
                _cursor.Take(TemplateTokenKind.PrintEnd, "'}}'");
                statements.Add(new TemplateStatement.Print(token.Line, value));
            }
            else if (until.Contains(_cursor.Peek(1).Text) || IsClosing(_cursor.Peek(1).Text))
            {
                break;
            }
            else
            {
                _cursor.Next();
                statements.Add(Statement(token.Line));
            }
        }

        _cursor.Leave();
        return statements;
    }

    private static bool IsClosing(string word) => word is "else" or "elif" || word.StartsWith("end", StringComparison.Ordinal);

    private TemplateStatement Statement(int line)
    {
        string word = _cursor.Take(TemplateTokenKind.Name, "a statement");
        switch (word)
        {
            case "if":
                return If(line);
            case "for":
                return For(line);
            case "set":
                return Set(line);
            case "macro":
                return Macro(line);
            case "call":
                return CallBlock(line);
            case "filter":
                TemplateExpression filters = _expressions.FilterChain(new TemplateExpression.Name(TemplateExpressionParser.BlockBody));
                EndTag();
                return new TemplateStatement.FilterBlock(line, filters, Close("endfilter"));
            case "generation":
                EndTag();
                return new TemplateStatement.Group(line, Close("endgeneration"));
            case "break":
                EndTag();
                return new TemplateStatement.Break(line);
            case "continue":
                EndTag();
                return new TemplateStatement.Continue(line);
            default:
                throw _cursor.Fail($"the statement '{word}'; supported are {string.Join(", ", Statements)}");
        }
    }

    private TemplateStatement.If If(int line)
    {
        List<(TemplateExpression, IReadOnlyList<TemplateStatement>)> branches = [];
        do
        {
            TemplateExpression condition = _expressions.Tuple();
            EndTag();
            branches.Add((condition, Body("elif", "else", "endif")));
            Open();
        }
        while (_cursor.TryTake("elif"));
        if (_cursor.TryTake("else"))
        {
            EndTag();
            return new(line, branches, Close("endif"));
        }

        Word("endif");
        return new(line, branches, []);
    }

    private TemplateStatement.For For(int line)
    {
        List<string> targets = Targets();
        Expect("in");
        TemplateExpression source = _expressions.Tuple(withConditional: false);
        TemplateExpression? condition = _cursor.TryTake("if") ? _expressions.Expression() : null;
        if (_cursor.TryTake("recursive"))
        {
            throw _cursor.Fail("a recursive loop, which is not supported");
        }

        EndTag();
        List<TemplateStatement> body = Body("else", "endfor");
        Open();
        List<TemplateStatement> otherwise = [];
        if (_cursor.TryTake("else"))
        {
            EndTag();
            otherwise = Body("endfor");
            Open();
        }

        Word("endfor");
        return new(line, targets, source, condition, body, otherwise);
    }

    private TemplateStatement Set(int line)
    {
        List<string> targets = Targets();
        string? member = targets.Count == 1 && _cursor.TryTake(".") ? _cursor.Take(TemplateTokenKind.Name, "an attribute") : null;
        if (_cursor.TryTake("="))
        {
            TemplateExpression value = _expressions.Tuple();
            EndTag();
            return new TemplateStatement.Set(line, targets, member, value);
        }

        TemplateExpression? filters = _cursor.TryTake("|")
            ? _expressions.FilterChain(new TemplateExpression.Name(TemplateExpressionParser.BlockBody))
            : null;
        EndTag();
        return targets is [var target]
            ? new TemplateStatement.SetBlock(line, target, member, filters, Close("endset"))
            : throw _cursor.Fail("a block assigned to several names");
    }

    private TemplateStatement.Macro Macro(int line)
    {
        string name = _cursor.Take(TemplateTokenKind.Name, "a macro's name");
        List<(string, TemplateExpression?)> parameters = Parameters();
        EndTag();
        return new(line, name, parameters, Close("endmacro"));
    }

    private TemplateStatement.CallBlock CallBlock(int line)
    {
        List<(string, TemplateExpression?)> parameters = _cursor.Is("(") ? Parameters() : [];
        TemplateExpression.Call call = _expressions.Expression() as TemplateExpression.Call ?? throw _cursor.Fail("a call block without a call");
        EndTag();
        return new(line, new(line, "caller", parameters, Close("endcall")), call);
    }

    private List<(string Name, TemplateExpression? Default)> Parameters()
    {
        Expect("(");
        List<(string, TemplateExpression?)> parameters = [];
        while (!_cursor.TryTake(")"))
        {
            if (parameters.Count > 0)
            {
                Expect(",");
            }

            string parameter = _cursor.Take(TemplateTokenKind.Name, "a parameter");
            parameters.Add((parameter, _cursor.TryTake("=") ? _expressions.Expression() : null));
        }

        return parameters;
    }

    private List<string> Targets()
    {
        List<string> targets = [];
        bool parenthesized = _cursor.TryTake("(");
        do
        {
            targets.Add(_cursor.Take(TemplateTokenKind.Name, "a name"));
        }
        while (_cursor.TryTake(",") && _cursor.Kind == TemplateTokenKind.Name);
        if (parenthesized)
        {
            Expect(")");
        }

        return targets;
    }

    private List<TemplateStatement> Close(string word)
    {
        List<TemplateStatement> body = Body(word);
        Open();
        Word(word);
        return body;
    }

    private void Open() => _cursor.Take(TemplateTokenKind.BlockBegin, "the end of the block");

    private void Word(string word)
    {
        Expect(word);

        // A name may be repeated here: {% endmacro name %}.
        if (_cursor.Kind == TemplateTokenKind.Name)
        {
            _cursor.Next();
        }

        EndTag();
    }

    private void Expect(string text)
    {
        if (!_cursor.TryTake(text))
        {
            throw _cursor.Fail($"'{text}' is expected");
        }
    }

    private void EndTag() => _cursor.Take(TemplateTokenKind.BlockEnd, "'%}'");
}
