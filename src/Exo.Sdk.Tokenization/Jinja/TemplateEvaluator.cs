namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Evaluates expressions.</summary>
internal sealed class TemplateEvaluator(TemplateBudget budget, TimeProvider time)
{
    /// <summary>Puts the functions of the environment into a scope.</summary>
    public void AddFunctions(TemplateScope scope)
    {
        foreach (CallableValue function in TemplateFunctions.All(time, budget))
        {
            scope.Set(function.Name, function);
        }
    }

    /// <summary>Evaluates an expression.</summary>
    /// <exception cref="TemplateError">It cannot be evaluated.</exception>
    public TemplateValue Evaluate(TemplateExpression expression, TemplateScope scope)
    {
        budget.Step();
        budget.Enter();
        TemplateValue value = EvaluateInner(expression, scope);
        budget.Leave();
        return value;
    }

    private TemplateValue EvaluateInner(TemplateExpression expression, TemplateScope scope)
    {
        switch (expression)
        {
            case TemplateExpression.Literal literal:
                return literal.Value;
            case TemplateExpression.Name name:
                return scope.Find(name.Identifier) ?? new UndefinedValue(name.Identifier);
            case TemplateExpression.List list:
                return List(list, scope);
            case TemplateExpression.Map map:
                return Map(map, scope);
            case TemplateExpression.Attribute attribute:
                return TemplateMembers.Attribute(Evaluate(attribute.Target, scope), attribute.Member, budget);
            case TemplateExpression.Index index:
                return TemplateMembers.Index(Evaluate(index.Target, scope), Evaluate(index.Key, scope), budget);
            case TemplateExpression.Slice slice:
                return TemplateMembers.Slice(
                    Evaluate(slice.Target, scope), Bound(slice.Start, scope), Bound(slice.Stop, scope), Bound(slice.Step, scope), budget);
            case TemplateExpression.Call call:
                return Call(call, scope, null);
            case TemplateExpression.Filter filter:
                return TemplateFilters.Apply(filter.Function, Evaluate(filter.Target, scope), Arguments(filter.Arguments, scope), budget);
            case TemplateExpression.Test test:
                return BoolValue.Of(
                    TemplateConditions.Holds(test.Condition, Evaluate(test.Target, scope), Arguments(test.Arguments, scope), budget) != test.Negated);
            case TemplateExpression.Unary unary:
                return Unary(unary.Operator, Evaluate(unary.Operand, scope));
            case TemplateExpression.Binary { Operator: "and" } and:
                TemplateValue left = Evaluate(and.Left, scope);
                return left.IsTrue ? Evaluate(and.Right, scope) : left;
            case TemplateExpression.Binary { Operator: "or" } or:
                TemplateValue first = Evaluate(or.Left, scope);
                return first.IsTrue ? first : Evaluate(or.Right, scope);
            case TemplateExpression.Binary binary:
                return TemplateArithmetic.Apply(binary.Operator, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope), budget);
            case TemplateExpression.Compare compare:
                return Compare(compare, scope);
            case TemplateExpression.Conditional conditional:
                return Evaluate(conditional.Condition, scope).IsTrue ? Evaluate(conditional.Then, scope)
                    : conditional.Otherwise is { } otherwise ? Evaluate(otherwise, scope)
                    : new UndefinedValue("the else of an inline if");
            default:
                throw new TemplateError("an unknown expression");
        }
    }

    /// <summary>Calls something, with the body of a call block or without.</summary>
    public TemplateValue Call(TemplateExpression.Call call, TemplateScope scope, CallableValue? caller)
    {
        TemplateValue target = Evaluate(call.Target, scope);
        TemplateArguments arguments = Arguments(call.Arguments, scope);
        if (caller is not null)
        {
            budget.SpendItems(arguments.Named.Count + 1, MapValue.EntryBytes);
            arguments = arguments with { Named = new Dictionary<string, TemplateValue>(arguments.Named) { [caller.Name] = caller } };
        }

        return target is CallableValue callable ? callable.Call(arguments) : throw new TemplateError($"{target.Kind} cannot be called");
    }

    private ListValue List(TemplateExpression.List list, TemplateScope scope)
    {
        budget.SpendItems(list.Items.Count, bytesEach: 8);
        TemplateValue[] items = new TemplateValue[list.Items.Count];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = Evaluate(list.Items[i], scope);
        }

        return new(items, list.IsTuple);
    }

    private MapValue Map(TemplateExpression.Map map, TemplateScope scope)
    {
        budget.Allocate(2 * MapValue.EntryBytes);
        MapValue result = new();
        foreach ((TemplateExpression key, TemplateExpression value) in map.Entries)
        {
            result.Set(Evaluate(key, scope), Evaluate(value, scope), budget);
        }

        return result;
    }

    private TemplateArguments Arguments(CallArguments arguments, TemplateScope scope)
    {
        if (arguments.Positional.Count == 0 && arguments.Named.Count == 0)
        {
            return TemplateArguments.None;
        }

        budget.SpendItems(arguments.Positional.Count, bytesEach: 24);
        budget.SpendItems(1 + arguments.Named.Count, MapValue.EntryBytes);
        List<TemplateValue> positional = [];
        foreach (TemplateExpression argument in arguments.Positional)
        {
            if (argument is TemplateExpression.Spread spread)
            {
                IReadOnlyList<TemplateValue> items = TemplateOperators.Items(Evaluate(spread.Items, scope), budget);
                budget.SpendItems(items.Count, bytesEach: 24);
                positional.AddRange(items);
            }
            else
            {
                positional.Add(Evaluate(argument, scope));
            }
        }

        Dictionary<string, TemplateValue> named = [];
        foreach ((string name, TemplateExpression value) in arguments.Named)
        {
            named[name] = Evaluate(value, scope);
        }

        return new(positional, named);
    }

    private long? Bound(TemplateExpression? bound, TemplateScope scope) => bound is null ? null : Evaluate(bound, scope) switch
    {
        IntValue number => number.Value,
        NoneValue => null,
        var other => throw new TemplateError($"a bound of a slice is no integer but {other.Kind}"),
    };

    private static TemplateValue Unary(string op, TemplateValue operand) => (op, operand) switch
    {
        ("not", _) => BoolValue.Of(!operand.IsTrue),
        ("-", FloatValue number) => new FloatValue(-number.Value),
        ("+", IntValue or FloatValue) => operand,
        ("-", IntValue { Value: not long.MinValue } number) => new IntValue(-number.Value),
        ("-", BoolValue flag) => new IntValue(flag.Value ? -1 : 0),
        ("+", BoolValue flag) => new IntValue(flag.Value ? 1 : 0),
        _ => throw new TemplateError($"'{op}' does not go with {operand.Kind}"),
    };

    private BoolValue Compare(TemplateExpression.Compare compare, TemplateScope scope)
    {
        TemplateValue left = Evaluate(compare.First, scope);
        foreach ((string op, TemplateExpression operand) in compare.Rest)
        {
            TemplateValue right = Evaluate(operand, scope);
            bool holds = op switch
            {
                "==" => TemplateOperators.AreEqual(left, right, budget),
                "!=" => !TemplateOperators.AreEqual(left, right, budget),
                "in" => TemplateOperators.Contains(right, left, budget),
                "not in" => !TemplateOperators.Contains(right, left, budget),
                "<" => TemplateOperators.Order(left, right, budget) < 0,
                ">" => TemplateOperators.Order(left, right, budget) > 0,
                "<=" => TemplateOperators.Order(left, right, budget) <= 0,
                _ => TemplateOperators.Order(left, right, budget) >= 0,
            };
            if (!holds)
            {
                return BoolValue.False;
            }

            left = right;
        }

        return BoolValue.True;
    }
}
