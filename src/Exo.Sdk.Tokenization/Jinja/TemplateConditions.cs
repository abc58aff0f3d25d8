namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The tests behind <c>is</c>.</summary>
internal static class TemplateConditions
{
    private static readonly string[] Supported =
    [
        "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "gt", "in", "integer", "iterable",
        "le", "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas", "sequence", "string", "true", "undefined", "upper",
    ];

    /// <summary>Whether a test holds for a value.</summary>
    public static bool Holds(string test, TemplateValue value, TemplateArguments arguments, TemplateLimits limits)
    {
        limits.Spend(value.Size + arguments.Positional.Sum(static a => a.Size));
        return Test(test, value, arguments, limits);
    }

    private static bool Test(string test, TemplateValue value, TemplateArguments arguments, TemplateLimits limits) => test switch
    {
        "defined" => value is not UndefinedValue,
        "undefined" => value is UndefinedValue,
        "none" => value is NoneValue,
        "string" => value is TextValue,
        "mapping" => value is MapValue,
        "sequence" => value is TextValue or ListValue or MapValue or UndefinedValue,
        "iterable" => value is TextValue or ListValue or MapValue or UndefinedValue,
        "callable" => value is CallableValue,
        "boolean" => value is BoolValue,
        "true" => value is BoolValue { Value: true },
        "false" => value is BoolValue { Value: false },
        "integer" => value is IntValue,
        "float" => value is FloatValue,
        "number" => value is IntValue or FloatValue or BoolValue,
        "odd" => Whole(value) % 2 != 0,
        "even" => Whole(value) % 2 == 0,
        "divisibleby" => Whole(arguments.Get(0, "num")) is var by && by != 0
            ? by == -1 || Whole(value) % by == 0
            : throw new TemplateError("division by zero"),
        "eq" or "equalto" or "==" => TemplateOperators.AreEqual(value, arguments.Get(0, "other")),
        "ne" or "!=" => !TemplateOperators.AreEqual(value, arguments.Get(0, "other")),
        "lt" or "lessthan" or "<" => TemplateOperators.Order(value, arguments.Get(0, "other")) < 0,
        "le" or "<=" => TemplateOperators.Order(value, arguments.Get(0, "other")) <= 0,
        "gt" or "greaterthan" or ">" => TemplateOperators.Order(value, arguments.Get(0, "other")) > 0,
        "ge" or ">=" => TemplateOperators.Order(value, arguments.Get(0, "other")) >= 0,
        "in" => TemplateOperators.Contains(arguments.Get(0, "seq"), value, limits),
        "sameas" => value.GetType() == arguments.Get(0, "other").GetType() && TemplateOperators.AreEqual(value, arguments.Get(0, "other")),
        "lower" => value is TextValue text && text.Value.Any(char.IsLower) && !text.Value.Any(char.IsUpper),
        "upper" => value is TextValue text && text.Value.Any(char.IsUpper) && !text.Value.Any(char.IsLower),
        _ => throw new TemplateError($"the test '{test}' is not supported; supported are {string.Join(", ", Supported)}"),
    };

    private static long Whole(TemplateValue value) => value is IntValue number
        ? number.Value
        : throw new TemplateError($"{value.Kind} is no integer");
}
