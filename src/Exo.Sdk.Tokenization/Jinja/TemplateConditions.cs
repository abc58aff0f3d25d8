namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The tests behind <c>is</c>.</summary>
internal static class TemplateConditions
{
    /// <summary>The tests by name.</summary>
    public static TemplateOperations All { get; } = Make();

    /// <summary>Whether a test holds for a value.</summary>
    public static bool Holds(string test, TemplateValue value, TemplateArguments arguments, TemplateBudget budget) =>
        All.TryGetValue(test, out TemplateOperation? operation)
            ? operation.Apply(value, arguments, budget).IsTrue
            : throw new TemplateError($"the test '{test}' is not supported; supported are {All.List()}");

    private static TemplateOperations Make()
    {
        TemplateOperations all = [];
        void Kind(Func<TemplateValue, bool> holds, params ReadOnlySpan<string> names) => all.Glance((v, _, _) => BoolValue.Of(holds(v)), names);
        Kind(static v => v is not UndefinedValue, "defined");
        Kind(static v => v is UndefinedValue, "undefined");
        Kind(static v => v is NoneValue, "none");
        Kind(static v => v is TextValue, "string");
        Kind(static v => v is MapValue, "mapping");
        Kind(static v => v is TextValue or ListValue or MapValue or UndefinedValue, "sequence");
        Kind(static v => v is TextValue or ListValue or MapValue or IteratorValue or UndefinedValue, "iterable");
        Kind(static v => v is CallableValue, "callable");
        Kind(static v => v is BoolValue, "boolean");
        Kind(static v => v is BoolValue { Value: true }, "true");
        Kind(static v => v is BoolValue { Value: false }, "false");
        Kind(static v => v is IntValue, "integer");
        Kind(static v => v is FloatValue, "float");
        Kind(static v => v is IntValue or FloatValue or BoolValue, "number");
        Kind(static v => Whole(v) % 2 != 0, "odd");
        Kind(static v => Whole(v) % 2 == 0, "even");
        all.Glance(static (v, a, _) => BoolValue.Of(IsDivisible(Whole(v), Whole(a.Get(0, "num")))), "divisibleby");

        // Comparisons spend as they go, and stop at the first difference.
        all.Glance(static (v, a, b) => BoolValue.Of(TemplateOperators.AreEqual(v, a.Get(0, "other"), b)), "eq", "equalto", "==");
        all.Glance(static (v, a, b) => BoolValue.Of(!TemplateOperators.AreEqual(v, a.Get(0, "other"), b)), "ne", "!=");
        all.Glance(static (v, a, b) => BoolValue.Of(TemplateOperators.Order(v, a.Get(0, "other"), b) < 0), "lt", "lessthan", "<");
        all.Glance(static (v, a, b) => BoolValue.Of(TemplateOperators.Order(v, a.Get(0, "other"), b) <= 0), "le", "<=");
        all.Glance(static (v, a, b) => BoolValue.Of(TemplateOperators.Order(v, a.Get(0, "other"), b) > 0), "gt", "greaterthan", ">");
        all.Glance(static (v, a, b) => BoolValue.Of(TemplateOperators.Order(v, a.Get(0, "other"), b) >= 0), "ge", ">=");
        all.Glance(static (v, a, b) => BoolValue.Of(TemplateOperators.Contains(a.Get(0, "seq"), v, b)), "in");
        all.Glance(
            static (v, a, b) => BoolValue.Of(v.GetType() == a.Get(0, "other").GetType() && TemplateOperators.AreEqual(v, a.Get(0, "other"), b)), "sameas");
        all.Walk(static (v, _, _) => BoolValue.Of(v is TextValue text && text.Value.Any(char.IsLower) && !text.Value.Any(char.IsUpper)), "lower");
        all.Walk(static (v, _, _) => BoolValue.Of(v is TextValue text && text.Value.Any(char.IsUpper) && !text.Value.Any(char.IsLower)), "upper");
        return all;
    }

    private static bool IsDivisible(long value, long by) => by == 0 ? throw new TemplateError("division by zero") : by == -1 || value % by == 0;

    private static long Whole(TemplateValue value) => value is IntValue number
        ? number.Value
        : throw new TemplateError($"{value.Kind} is no integer");
}
