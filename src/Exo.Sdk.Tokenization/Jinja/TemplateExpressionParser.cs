using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Reads the expressions of a template, with the precedence of Jinja.</summary>
internal sealed class TemplateExpressionParser(TemplateCursor cursor)
{
    /// <summary>What a filter block calls its body; no template can write this name.</summary>
    public const string BlockBody = "{body}";

    /// <summary>One expression, or several with commas between, which are a tuple.</summary>
    public TemplateExpression Tuple(bool withConditional = true)
    {
        TemplateExpression first = withConditional ? Expression() : Or();
        if (!cursor.Is(","))
        {
            return first;
        }

        List<TemplateExpression> items = [first];
        while (cursor.TryTake(",") && cursor.Kind is not (TemplateTokenKind.PrintEnd or TemplateTokenKind.BlockEnd) && !cursor.Is(")"))
        {
            items.Add(withConditional ? Expression() : Or());
        }

        return new TemplateExpression.List(items, IsTuple: true);
    }

    /// <summary>One expression.</summary>
    public TemplateExpression Expression()
    {
        cursor.Enter();
        TemplateExpression value = Or();
        while (cursor.TryTake("if"))
        {
            TemplateExpression condition = Or();
            TemplateExpression? otherwise = cursor.TryTake("else") ? Expression() : null;
            value = new TemplateExpression.Conditional(condition, value, otherwise);
        }

        cursor.Leave();
        return value;
    }

    /// <summary>Filters one after the other, the first name unread.</summary>
    public TemplateExpression FilterChain(TemplateExpression target)
    {
        do
        {
            target = new TemplateExpression.Filter(target, DottedName(), cursor.Is("(") ? Arguments() : CallArguments.None);
        }
        while (cursor.TryTake("|"));
        return target;
    }

    private TemplateExpression Or() => Chain(And, "or");

    private TemplateExpression And() => Chain(Not, "and");

    private TemplateExpression Not()
    {
        if (!cursor.TryTake("not"))
        {
            return Compare();
        }

        cursor.Enter();
        TemplateExpression negated = new TemplateExpression.Unary("not", Not());
        cursor.Leave();
        return negated;
    }

    private TemplateExpression Compare()
    {
        TemplateExpression first = Sum();
        List<(string, TemplateExpression)> rest = [];
        while (true)
        {
            if (cursor.Kind == TemplateTokenKind.Operator && cursor.Current.Text is "==" or "!=" or "<" or ">" or "<=" or ">=")
            {
                rest.Add((cursor.Next().Text, Sum()));
            }
            else if (cursor.TryTake("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (cursor.Is("not") && cursor.Peek(1) is { Kind: TemplateTokenKind.Name, Text: "in" })
            {
                cursor.Next();
                cursor.Next();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new TemplateExpression.Compare(first, rest);
            }
        }
    }

    private TemplateExpression Sum() => Chain(Concat, "+", "-");

    private TemplateExpression Concat() => Chain(Product, "~");

    private TemplateExpression Product() => Chain(Power, "*", "/", "//", "%");

    private TemplateExpression Power() => Chain(Unary, "**");

    private TemplateExpression Chain(Func<TemplateExpression> operand, params ReadOnlySpan<string> operators)
    {
        TemplateExpression left = operand();
        while (cursor.Kind is TemplateTokenKind.Operator or TemplateTokenKind.Name && operators.Contains(cursor.Current.Text))
        {
            left = new TemplateExpression.Binary(cursor.Next().Text, left, operand());
        }

        return left;
    }

    private TemplateExpression Unary() => Unary(withFilters: true);

    private TemplateExpression Unary(bool withFilters)
    {
        TemplateExpression value;
        if (cursor.Is("-") || cursor.Is("+"))
        {
            cursor.Enter();
            value = new TemplateExpression.Unary(cursor.Next().Text, Unary(withFilters: false));
            cursor.Leave();
        }
        else
        {
            value = Primary();
        }

        value = Postfix(value);
        return withFilters ? FiltersAndTests(value) : value;
    }

    private TemplateExpression Postfix(TemplateExpression value)
    {
        while (true)
        {
            if (cursor.TryTake("."))
            {
                value = cursor.Kind == TemplateTokenKind.Integer
                    ? new TemplateExpression.Index(value, Integer())
                    : new TemplateExpression.Attribute(value, cursor.Take(TemplateTokenKind.Name, "an attribute"));
            }
            else if (cursor.TryTake("["))
            {
                value = Subscript(value);
            }
            else if (cursor.Is("("))
            {
                value = new TemplateExpression.Call(value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private TemplateExpression FiltersAndTests(TemplateExpression value)
    {
        while (true)
        {
            if (cursor.TryTake("|"))
            {
                value = new TemplateExpression.Filter(value, DottedName(), cursor.Is("(") ? Arguments() : CallArguments.None);
            }
            else if (cursor.TryTake("is"))
            {
                value = Test(value);
            }
            else if (cursor.Is("("))
            {
                value = new TemplateExpression.Call(value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private TemplateExpression.Test Test(TemplateExpression value)
    {
        bool negated = cursor.TryTake("not");
        string name = DottedName();
        CallArguments arguments = CallArguments.None;
        if (cursor.Is("("))
        {
            arguments = Arguments();
        }
        else if (cursor.Kind is TemplateTokenKind.Name or TemplateTokenKind.String or TemplateTokenKind.Integer or TemplateTokenKind.Float
            || cursor.Is("[") || cursor.Is("{"))
        {
            // One argument may stand without brackets, unless it is a word of the language.
            if (!(cursor.Kind == TemplateTokenKind.Name && cursor.Current.Text is "else" or "or" or "and" or "if" or "is" or "not" or "in" or "recursive"))
            {
                arguments = new([Postfix(Primary())], []);
            }
        }

        return new TemplateExpression.Test(value, name, arguments, negated);
    }

    private TemplateExpression Subscript(TemplateExpression target)
    {
        TemplateExpression? start = cursor.Is(":") ? null : Expression();
        if (start is not null && cursor.TryTake("]"))
        {
            return new TemplateExpression.Index(target, start);
        }

        Expect(":");
        TemplateExpression? stop = cursor.Is(":") || cursor.Is("]") ? null : Expression();
        TemplateExpression? step = cursor.TryTake(":") && !cursor.Is("]") ? Expression() : null;
        Expect("]");
        return new TemplateExpression.Slice(target, start, stop, step);
    }

    private CallArguments Arguments()
    {
        Expect("(");
        List<TemplateExpression> positional = [];
        List<(string, TemplateExpression)> named = [];
        while (!cursor.TryTake(")"))
        {
            if (positional.Count + named.Count > 0)
            {
                Expect(",");
                if (cursor.TryTake(")"))
                {
                    break;
                }
            }

            if (cursor.TryTake("*"))
            {
                positional.Add(new TemplateExpression.Spread(Expression()));
            }
            else if (cursor.Kind == TemplateTokenKind.Name && cursor.Peek(1) is { Kind: TemplateTokenKind.Operator, Text: "=" })
            {
                string name = cursor.Next().Text;
                cursor.Next();
                named.Add((name, Expression()));
            }
            else
            {
                positional.Add(Expression());
            }
        }

        return new(positional, named);
    }

    private TemplateExpression Primary()
    {
        TemplateToken token = cursor.Current;
        switch (token.Kind)
        {
            case TemplateTokenKind.Name:
                cursor.Next();
                return token.Text switch
                {
                    "true" or "True" => new TemplateExpression.Literal(BoolValue.True),
                    "false" or "False" => new TemplateExpression.Literal(BoolValue.False),
                    "none" or "None" => new TemplateExpression.Literal(NoneValue.Instance),
                    _ => new TemplateExpression.Name(token.Text),
                };
            case TemplateTokenKind.String:
                StringBuilder text = new();
                while (cursor.Kind == TemplateTokenKind.String)
                {
                    text.Append(cursor.Next().Text);
                }

                return new TemplateExpression.Literal(new TextValue(text.ToString()));
            case TemplateTokenKind.Integer:
                return Integer();
            case TemplateTokenKind.Float:
                cursor.Next();
                return new TemplateExpression.Literal(new FloatValue(double.Parse(token.Text, CultureInfo.InvariantCulture)));
        }

        if (cursor.TryTake("("))
        {
            if (cursor.TryTake(")"))
            {
                return new TemplateExpression.List([], IsTuple: true);
            }

            TemplateExpression inner = Tuple();
            Expect(")");
            return inner;
        }

        if (cursor.TryTake("["))
        {
            return new TemplateExpression.List(Items("]"), IsTuple: false);
        }

        return cursor.TryTake("{") ? Map() : throw cursor.Fail("an expression is expected");
    }

    private TemplateExpression.Literal Integer()
    {
        TemplateToken token = cursor.Next();
        return long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? new(new IntValue(value))
            : throw cursor.Fail($"the number {token.Text} is too large");
    }

    private List<TemplateExpression> Items(string close)
    {
        List<TemplateExpression> items = [];
        while (!cursor.TryTake(close))
        {
            if (items.Count > 0)
            {
                Expect(",");
                if (cursor.TryTake(close))
                {
                    break;
                }
            }

            items.Add(Expression());
        }

        return items;
    }

    private TemplateExpression.Map Map()
    {
        List<(TemplateExpression, TemplateExpression)> entries = [];
        while (!cursor.TryTake("}"))
        {
            if (entries.Count > 0)
            {
                Expect(",");
                if (cursor.TryTake("}"))
                {
                    break;
                }
            }

            TemplateExpression key = Expression();
            Expect(":");
            entries.Add((key, Expression()));
        }

        return new(entries);
    }

    private string DottedName()
    {
        StringBuilder name = new(cursor.Take(TemplateTokenKind.Name, "a name"));
        while (cursor.TryTake("."))
        {
            name.Append('.').Append(cursor.Take(TemplateTokenKind.Name, "a name"));
        }

        return name.ToString();
    }

    private void Expect(string text)
    {
        if (!cursor.TryTake(text))
        {
            throw cursor.Fail($"'{text}' is expected");
        }
    }
}
