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

    // The statements of a block, and what runs one of them.
    private const int BlockDepth = 2;

    private readonly TemplateBudget _budget;
    private readonly TemplateEvaluator _evaluator;

    /// <summary>Makes an interpreter for one rendering.</summary>
    public TemplateInterpreter(TimeProvider time, TemplateBudget budget)
    {
        _budget = budget;
        _evaluator = new(budget, time);
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
        TemplateScope globals = new(null, _budget);
        _evaluator.AddFunctions(globals);
        TemplateScope scope = new(globals, _budget);
        foreach ((string name, TemplateValue value) in variables)
        {
            scope.Set(name, value);
        }

        TemplateTextBuilder output = new(_budget);
        Run(statements, scope, output);
        return output.ToText();
    }

    private Flow Run(IReadOnlyList<TemplateStatement> statements, TemplateScope scope, TemplateTextBuilder output)
    {
        _budget.Enter(BlockDepth);
        Flow flow = Flow.Next;
        for (int i = 0; i < statements.Count && flow == Flow.Next; i++)
        {
            Line = statements[i].Line;
            _budget.Step();
            flow = Run(statements[i], scope, output);
        }

        _budget.Leave(BlockDepth);
        return flow;
    }

    private Flow Run(TemplateStatement statement, TemplateScope scope, TemplateTextBuilder output)
    {
        switch (statement)
        {
            case TemplateStatement.Data data:
                output.Append(TemplateText.Control(data.Text));
                break;
            case TemplateStatement.Print print:
                output.Append(TemplateOperators.ToText(_evaluator.Evaluate(print.Value, scope), _budget));
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
                output.Append(TemplateOperators.ToText(Filtered(Capture(block.Body, scope), block.Filters, scope), _budget));
                break;
            case TemplateStatement.Macro macro:
                scope.Set(macro.Name, new CallableValue(macro.Name, arguments => Call(macro, scope, arguments)));
                break;
            case TemplateStatement.CallBlock block:
                CallableValue caller = new(block.Caller.Name, arguments => Call(block.Caller, scope, arguments));
                output.Append(TemplateOperators.ToText(_evaluator.Call(block.Call, scope, caller), _budget));
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

    private void Loop(TemplateStatement.For loop, TemplateScope scope, TemplateTextBuilder output)
    {
        IReadOnlyList<TemplateValue> items = TemplateOperators.Items(_evaluator.Evaluate(loop.Source, scope), _budget);
        if (loop.Condition is { } condition)
        {
            _budget.SpendItems(items.Count, bytesEach: 24);
            items = [.. items.Where(item =>
            {
                TemplateScope inner = new(scope, _budget);
                Bind(loop.Targets, item, inner);
                return _evaluator.Evaluate(condition, inner).IsTrue;
            })];
        }

        if (items.Count == 0)
        {
            Run(loop.Otherwise, new TemplateScope(scope, _budget), output);
            return;
        }

        for (int i = 0; i < items.Count; i++)
        {
            _budget.Spend(LoopCost);
            TemplateScope inner = new(scope, _budget);
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

    private void AssignOne(string target, string? member, TemplateValue value, TemplateScope scope)
    {
        if (member is null)
        {
            scope.Set(target, value);
        }
        else if (scope.Find(target) is NamespaceValue space)
        {
            space.Set(member, value, _budget);
        }
        else
        {
            throw new TemplateError($"'{target}' is no namespace, so '{target}.{member}' cannot be set");
        }
    }

    private void Bind(IReadOnlyList<string> targets, TemplateValue value, TemplateScope scope)
    {
        if (targets.Count == 1)
        {
            scope.Set(targets[0], value);
            return;
        }

        IReadOnlyList<TemplateValue> items = TemplateOperators.Items(value, _budget);
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
        TemplateTextBuilder inner = new(_budget);
        Run(body, new TemplateScope(scope, _budget), inner);
        return new TextValue(inner.ToText());
    }

    private TemplateValue Filtered(TextValue text, TemplateExpression? filters, TemplateScope scope)
    {
        if (filters is null)
        {
            return text;
        }

        TemplateScope inner = new(scope, _budget);
        inner.Set(TemplateExpressionParser.BlockBody, text);
        return _evaluator.Evaluate(filters, inner);
    }

    private TextValue Call(TemplateStatement.Macro macro, TemplateScope defined, TemplateArguments arguments)
    {
        _budget.Enter(TemplateBudget.CallDepth);
        TemplateScope scope = new(defined, _budget);
        if (arguments.Positional.Count > macro.Parameters.Count)
        {
            throw new TemplateError($"the macro '{macro.Name}' takes {macro.Parameters.Count} arguments, not {arguments.Positional.Count}");
        }

        foreach (string name in arguments.Named.Keys)
        {
            _budget.Step();
            if (name == Caller)
            {
                scope.Set(Caller, arguments.Named[Caller]);
            }
            else if (!macro.Takes(name))
            {
                throw new TemplateError($"the macro '{macro.Name}' has no parameter '{name}'");
            }
        }

        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            (string name, TemplateExpression? otherwise) = macro.Parameters[i];
            _budget.Step();
            scope.Set(name, arguments.Find(i, name) ?? (otherwise is null ? new UndefinedValue(name) : _evaluator.Evaluate(otherwise, scope)));
        }

        int line = Line;
        TemplateTextBuilder output = new(_budget);
        Run(macro.Body, scope, output);
        Line = line;
        _budget.Leave(TemplateBudget.CallDepth);
        return new TextValue(output.ToText());
    }
}
