namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Variables, and those around them.</summary>
internal sealed class TemplateScope
{
    // The object, its table, and a few names in it.
    private const int ScopeBytes = 512;
    private const int NameBytes = 96;

    private readonly Dictionary<string, TemplateValue> _values = [];
    private readonly TemplateScope? _outer;
    private readonly TemplateBudget _budget;

    public TemplateScope(TemplateScope? outer, TemplateBudget budget)
    {
        budget.Spend(1);
        budget.Allocate(ScopeBytes);
        _outer = outer;
        _budget = budget;
    }

    /// <summary>The value of a name here or further out, or null.</summary>
    public TemplateValue? Find(string name)
    {
        for (TemplateScope? scope = this; scope is not null; scope = scope._outer)
        {
            _budget.Spend(1);
            if (scope._values.TryGetValue(name, out TemplateValue? value))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Gives a name a value here.</summary>
    public void Set(string name, TemplateValue value)
    {
        _budget.Spend(1);
        _budget.Allocate(NameBytes);
        _values[name] = value;
    }
}
