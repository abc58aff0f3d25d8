namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>
/// Runs the statements of a template. Written by hand for the part of Jinja that chat templates use; a template can
/// reach the values it is given and nothing else, and what it may cost is bounded.
/// </summary>
internal sealed class TemplateInterpreter
{
    // What a macro knows the body of its call block by.
    private const string Caller = "caller";

    // A turn of a loop, with its scope, costs as much as this many expressions.
    private const int LoopCost = 10;

    private readonly TemplateLimits _limits = new();
    private readonly TemplateEvaluator _evaluator;

    public TemplateInterpreter(TimeProvider time)
    {
        _evaluator = new(_limits, time);
    }

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    /// <summary>The line of the statement that ran last, for errors.</summary>
    public int Line { get; private set; }

    /// <summary>Renders a template.</summary>
    /// <param name="statements">The template.</param>
    /// <param name="variables">The variables it is given.</param>
    /// <exception cref="TemplateError">The template refused, or cannot be run.</exception>
    public TemplateText Render(IReadOnlyList<TemplateStatement> statements, IEnumerable<(string Name, TemplateValue Value)> variables)
    {
        TemplateScope globals = new(null);
        _evaluator.AddFunctions(globals);
        TemplateScope scope = new(globals);
        foreach ((string name, TemplateValue value) in variables)
        {
            scope.Set(name, value);
        }

        TemplateOutput output = new(_limits);
        Run(statements, scope, output);
        return output.ToText();
    }

    private Flow Run(IReadOnlyList<TemplateStatement> statements, TemplateScope scope, TemplateOutput output)
    {
        foreach (TemplateStatement statement in statements)
        {
            Line = statement.Line;
            _limits.Spend(1);
            Flow flow = Run(statement, scope, output);
            if (flow != Flow.Next)
            {
                return flow;
            }
        }

        return Flow.Next;
    }

    private Flow Run(TemplateStatement statement, TemplateScope scope, TemplateOutput output)
    {
        switch (statement)
        {
            case TemplateStatement.Data data:
                output.Write(TemplateText.Control(data.Text));
                break;
            case TemplateStatement.Print print:
                TemplateValue printed = _evaluator.Evaluate(print.Value, scope);
                _limits.Spend(printed.Size);
                output.Write(TemplateOperators.ToText(printed));
                break;
            case TemplateStatement.If condition:
                return Run(Chosen(condition, scope), scope, output);
            case TemplateStatement.For loop:
                Loop(loop, scope, output);
                break;
            case TemplateStatement.Set set:
                Assign(set, scope);
                break;
            case TemplateStatement.SetBlock block:
                TemplateValue captured = Filtered(Capture(block.Body, scope), block.Filters, scope);
                AssignOne(block.Target, block.Member, captured, scope);
                break;
            case TemplateStatement.FilterBlock block:
                output.Write(TemplateOperators.ToText(Filtered(Capture(block.Body, scope), block.Filters, scope)));
                break;
            case TemplateStatement.Macro macro:
                scope.Set(macro.Name, new CallableValue(macro.Name, arguments => Call(macro, scope, arguments)));
                break;
            case TemplateStatement.CallBlock block:
                CallableValue caller = new(block.Caller.Name, arguments => Call(block.Caller, scope, arguments));
                output.Write(TemplateOperators.ToText(_evaluator.Call(block.Call, scope, caller)));
                break;
            case TemplateStatement.Group group:
                return Run(group.Body, scope, output);
            case TemplateStatement.Break:
                return Flow.Break;
            case TemplateStatement.Continue:
                return Flow.Continue;
        }

        return Flow.Next;
    }

    private IReadOnlyList<TemplateStatement> Chosen(TemplateStatement.If choice, TemplateScope scope)
    {
        foreach ((TemplateExpression condition, IReadOnlyList<TemplateStatement> then) in choice.Branches)
        {
            if (_evaluator.Evaluate(condition, scope).IsTrue)
            {
                return then;
            }
        }

        return choice.Otherwise;
    }

    private void Loop(TemplateStatement.For loop, TemplateScope scope, TemplateOutput output)
    {
        IReadOnlyList<TemplateValue> items = TemplateOperators.Items(_evaluator.Evaluate(loop.Source, scope));
        _limits.Spend(items.Count);
        if (loop.Condition is { } condition)
        {
            items = [.. items.Where(item =>
            {
                TemplateScope inner = new(scope);
                Bind(loop.Targets, item, inner);
                return _evaluator.Evaluate(condition, inner).IsTrue;
            })];
        }

        if (items.Count == 0)
        {
            Run(loop.Otherwise, new TemplateScope(scope), output);
            return;
        }

        for (int i = 0; i < items.Count; i++)
        {
            _limits.Spend(LoopCost);
            TemplateScope inner = new(scope);
            inner.Set("loop", new LoopValue(items, i));
            Bind(loop.Targets, items[i], inner);
            if (Run(loop.Body, inner, output) == Flow.Break)
            {
                break;
            }
        }
    }

    private void Assign(TemplateStatement.Set set, TemplateScope scope)
    {
        TemplateValue value = _evaluator.Evaluate(set.Value, scope);
        if (set.Targets.Count > 1)
        {
            Bind(set.Targets, value, scope);
        }
        else
        {
            AssignOne(set.Targets[0], set.Member, value, scope);
        }
    }

    private static void AssignOne(string target, string? member, TemplateValue value, TemplateScope scope)
    {
        if (member is null)
        {
            scope.Set(target, value);
        }
        else if (scope.Find(target) is NamespaceValue space)
        {
            space.Attributes[member] = value;
        }
        else
        {
            throw new TemplateError($"'{target}' is no namespace, so '{target}.{member}' cannot be set");
        }
    }

    private static void Bind(IReadOnlyList<string> targets, TemplateValue value, TemplateScope scope)
    {
        if (targets.Count == 1)
        {
            scope.Set(targets[0], value);
            return;
        }

        IReadOnlyList<TemplateValue> items = TemplateOperators.Items(value);
        if (items.Count != targets.Count)
        {
            throw new TemplateError($"{items.Count} values for {targets.Count} names");
        }

        for (int i = 0; i < items.Count; i++)
        {
            scope.Set(targets[i], items[i]);
        }
    }

    private TextValue Capture(IReadOnlyList<TemplateStatement> body, TemplateScope scope)
    {
        TemplateOutput inner = new(_limits);
        Run(body, new TemplateScope(scope), inner);
        return new TextValue(inner.ToText());
    }

    private TemplateValue Filtered(TextValue text, TemplateExpression? filters, TemplateScope scope)
    {
        if (filters is null)
        {
            return text;
        }

        TemplateScope inner = new(scope);
        inner.Set(TemplateExpressionParser.BlockBody, text);
        return _evaluator.Evaluate(filters, inner);
    }

    private TextValue Call(TemplateStatement.Macro macro, TemplateScope defined, TemplateArguments arguments)
    {
        _limits.Enter();
        TemplateScope scope = new(defined);
        if (arguments.Positional.Count > macro.Parameters.Count)
        {
            throw new TemplateError($"the macro '{macro.Name}' takes {macro.Parameters.Count} arguments, not {arguments.Positional.Count}");
        }

        foreach (string name in arguments.Named.Keys)
        {
            if (name == Caller)
            {
                scope.Set(Caller, arguments.Named[Caller]);
            }
            else if (!macro.Parameters.Any(p => p.Name == name))
            {
                throw new TemplateError($"the macro '{macro.Name}' has no parameter '{name}'");
            }
        }

        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            (string name, TemplateExpression? otherwise) = macro.Parameters[i];
            scope.Set(name, arguments.Find(i, name) ?? (otherwise is null ? new UndefinedValue(name) : _evaluator.Evaluate(otherwise, scope)));
        }

        int line = Line;
        TemplateOutput output = new(_limits);
        Run(macro.Body, scope, output);
        Line = line;
        _limits.Leave();
        return new TextValue(output.ToText());
    }
}
