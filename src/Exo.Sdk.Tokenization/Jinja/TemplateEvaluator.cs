namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Evaluates expressions.</summary>
internal sealed class TemplateEvaluator(TemplateLimits limits, TimeProvider time)
{
    /// <summary>What the evaluation may still cost.</summary>
    public TemplateLimits Limits => limits;

    /// <summary>Puts the functions of the environment into a scope.</summary>
    public void AddFunctions(TemplateScope scope)
    {
        foreach (CallableValue function in TemplateFunctions.All(time, limits))
        {
            scope.Set(function.Name, function);
        }
    }

    /// <summary>Evaluates an expression.</summary>
    /// <exception cref="TemplateError">It cannot be evaluated.</exception>
    public TemplateValue Evaluate(TemplateExpression expression, TemplateScope scope)
    {
        limits.Spend(1);
        switch (expression)
        {
            case TemplateExpression.Literal literal:
                return literal.Value;
            case TemplateExpression.Name name:
                return scope.Find(name.Identifier) ?? new UndefinedValue(name.Identifier);
            case TemplateExpression.List list:
                return new ListValue([.. list.Items.Select(i => Evaluate(i, scope))], list.IsTuple);
            case TemplateExpression.Map map:
                return Map(map, scope);
            case TemplateExpression.Attribute attribute:
                return TemplateMembers.Attribute(Evaluate(attribute.Target, scope), attribute.Member, limits);
            case TemplateExpression.Index index:
                return TemplateMembers.Index(Evaluate(index.Target, scope), Evaluate(index.Key, scope), limits);
            case TemplateExpression.Slice slice:
                return TemplateMembers.Slice(
                    Evaluate(slice.Target, scope), Bound(slice.Start, scope), Bound(slice.Stop, scope), Bound(slice.Step, scope), limits);
            case TemplateExpression.Call call:
                return Call(call, scope, null);
            case TemplateExpression.Filter filter:
                return TemplateFilters.Apply(filter.Function, Evaluate(filter.Target, scope), Arguments(filter.Arguments, scope), limits);
            case TemplateExpression.Test test:
                return BoolValue.Of(
                    TemplateConditions.Holds(test.Condition, Evaluate(test.Target, scope), Arguments(test.Arguments, scope), limits) != test.Negated);
            case TemplateExpression.Unary unary:
                return Unary(unary.Operator, Evaluate(unary.Operand, scope));
            case TemplateExpression.Binary { Operator: "and" } and:
                TemplateValue left = Evaluate(and.Left, scope);
                return left.IsTrue ? Evaluate(and.Right, scope) : left;
            case TemplateExpression.Binary { Operator: "or" } or:
                TemplateValue first = Evaluate(or.Left, scope);
                return first.IsTrue ? first : Evaluate(or.Right, scope);
            case TemplateExpression.Binary binary:
                return TemplateArithmetic.Apply(binary.Operator, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope), limits);
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
            arguments = arguments with { Named = new Dictionary<string, TemplateValue>(arguments.Named) { [caller.Name] = caller } };
        }

        return target is CallableValue callable ? callable.Call(arguments) : throw new TemplateError($"{target.Kind} cannot be called");
    }

    private MapValue Map(TemplateExpression.Map map, TemplateScope scope)
    {
        MapValue result = new();
        foreach ((TemplateExpression key, TemplateExpression value) in map.Entries)
        {
            result.Set(
                Evaluate(key, scope) is TextValue text ? text.Text : throw new TemplateError("a key of a dictionary is no string"),
                Evaluate(value, scope));
        }

        return result;
    }

    private TemplateArguments Arguments(CallArguments arguments, TemplateScope scope)
    {
        if (arguments.Positional.Count == 0 && arguments.Named.Count == 0)
        {
            return TemplateArguments.None;
        }

        List<TemplateValue> positional = [];
        foreach (TemplateExpression argument in arguments.Positional)
        {
            if (argument is TemplateExpression.Spread spread)
            {
                IReadOnlyList<TemplateValue> items = TemplateOperators.Items(Evaluate(spread.Items, scope));
                limits.Spend(items.Count);
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
            limits.Spend(left.Size + right.Size);
            bool holds = op switch
            {
                "==" => TemplateOperators.AreEqual(left, right),
                "!=" => !TemplateOperators.AreEqual(left, right),
                "in" => TemplateOperators.Contains(right, left, limits),
                "not in" => !TemplateOperators.Contains(right, left, limits),
                "<" => TemplateOperators.Order(left, right) < 0,
                ">" => TemplateOperators.Order(left, right) > 0,
                "<=" => TemplateOperators.Order(left, right) <= 0,
                _ => TemplateOperators.Order(left, right) >= 0,
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
