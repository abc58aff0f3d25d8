namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The filters behind <c>|</c>.</summary>
internal static class TemplateFilters
{
    /// <summary>The filters by name.</summary>
    public static TemplateOperations All { get; } = Make();

    /// <summary>Applies a filter.</summary>
    public static TemplateValue Apply(string name, TemplateValue value, TemplateArguments arguments, TemplateBudget budget) =>
        Find(name).Apply(value, arguments, budget);

    /// <summary>A filter by its name.</summary>
    public static TemplateOperation Find(string name) => All.TryGetValue(name, out TemplateOperation? operation)
        ? operation
        : throw new TemplateError($"the filter '{name}' is not supported; supported are {All.List()}");

    private static TemplateOperations Make()
    {
        TemplateOperations all = [];
        all.Glance(static (v, _, _) => v, "safe");
        all.Glance(
            static (v, a, _) => v is UndefinedValue || (a.IsTrue(1, "boolean") && !v.IsTrue) ? a.Find(0, "default_value") ?? new TextValue("") : v,
            "default",
            "d");
        TemplateTextFilters.AddTo(all);
        TemplateNumberFilters.AddTo(all);
        TemplateListFilters.AddTo(all);
        return all;
    }
}
