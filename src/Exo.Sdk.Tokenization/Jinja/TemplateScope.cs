namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Variables, and those around them.</summary>
internal sealed class TemplateScope(TemplateScope? outer)
{
    private readonly Dictionary<string, TemplateValue> _values = [];

    /// <summary>The value of a name here or further out, or null.</summary>
    public TemplateValue? Find(string name)
    {
        for (TemplateScope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._values.TryGetValue(name, out TemplateValue? value))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Gives a name a value here.</summary>
    public void Set(string name, TemplateValue value) => _values[name] = value;

    private TemplateScope? Outer => outer;
}
