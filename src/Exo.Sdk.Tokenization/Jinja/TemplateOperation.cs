namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>
/// What a filter, a test or a method does to a value. What it costs to look at the value and the arguments is spent here,
/// for all of them; what an operation makes, or does more than once, it spends itself.
/// </summary>
/// <param name="Walks">Whether it goes over the items or characters of the value; the others take one step.</param>
/// <param name="Run">The operation.</param>
internal sealed record TemplateOperation(bool Walks, Func<TemplateValue, TemplateArguments, TemplateBudget, TemplateValue> Run)
{
    /// <summary>Applies the operation.</summary>
    public TemplateValue Apply(TemplateValue value, TemplateArguments arguments, TemplateBudget budget)
    {
        budget.Step();
        if (Walks)
        {
            budget.Spend(value.Breadth + arguments.Breadth);
        }

        return Run(value, arguments, budget);
    }
}

/// <summary>Operations by name.</summary>
internal sealed class TemplateOperations : Dictionary<string, TemplateOperation>
{
    /// <summary>Adds an operation that goes over its value, under its names.</summary>
    public void Walk(Func<TemplateValue, TemplateArguments, TemplateBudget, TemplateValue> run, params ReadOnlySpan<string> names) => Add(true, run, names);

    /// <summary>Adds an operation that takes the same time whatever its value, under its names.</summary>
    public void Glance(Func<TemplateValue, TemplateArguments, TemplateBudget, TemplateValue> run, params ReadOnlySpan<string> names) => Add(false, run, names);

    /// <summary>The names, for errors.</summary>
    public string List() => string.Join(", ", Keys.Where(static n => char.IsLetter(n[0])).Order(StringComparer.Ordinal));

    private void Add(bool walks, Func<TemplateValue, TemplateArguments, TemplateBudget, TemplateValue> run, ReadOnlySpan<string> names)
    {
        TemplateOperation operation = new(walks, run);
        foreach (string name in names)
        {
            Add(name, operation);
        }
    }
}
