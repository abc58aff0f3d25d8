using Exo.Sdk.Input;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>What a call, a filter or a test is given.</summary>
/// <param name="Positional">The arguments by place.</param>
/// <param name="Named">The arguments by name.</param>
internal sealed record TemplateArguments(IReadOnlyList<TemplateValue> Positional, IReadOnlyDictionary<string, TemplateValue> Named)
{
    public static TemplateArguments None { get; } = new([], new Dictionary<string, TemplateValue>());

    /// <summary>What it costs to look at each argument's items or characters.</summary>
    public long Breadth
    {
        get
        {
            long breadth = 0;
            foreach (TemplateValue value in Positional)
            {
                breadth += value.Breadth;
            }

            foreach (TemplateValue value in Named.Values)
            {
                breadth += value.Breadth;
            }

            return breadth;
        }
    }

    /// <summary>The argument at a place or of a name; null where it is absent.</summary>
    public TemplateValue? Find(int place, string name) =>
        place < Positional.Count ? Positional[place] : Named.GetValueOrDefault(name);

    /// <summary>The argument at a place or of a name.</summary>
    public TemplateValue Get(int place, string name) => Find(place, name) ?? throw new TemplateError($"the argument '{name}' is missing");

    /// <summary>The text at a place or of a name.</summary>
    public TemplateText Text(int place, string name) => Get(place, name) is TextValue text
        ? text.Text
        : throw new TemplateError($"the argument '{name}' is no string but {Get(place, name).Kind}");

    /// <summary>The text at a place or of a name; null where it is absent or none.</summary>
    public TemplateText? OptionalText(int place, string name) => Find(place, name) is null or NoneValue ? null : Text(place, name);

    /// <summary>The whole number at a place or of a name.</summary>
    public long Int(int place, string name, long otherwise) => Find(place, name) switch
    {
        null or NoneValue => otherwise,
        IntValue number => number.Value,
        BoolValue flag => flag.Value ? 1 : 0,
        var other => throw new TemplateError($"the argument '{name}' is no integer but {other.Kind}"),
    };

    /// <summary>The truth of the argument at a place or of a name.</summary>
    public bool IsTrue(int place, string name) => Find(place, name)?.IsTrue ?? false;

    /// <summary>The arguments from a place on.</summary>
    public TemplateArguments From(int place, TemplateBudget budget)
    {
        budget.SpendItems(Positional.Count, bytesEach: 8);
        return new([.. Positional.Skip(place)], Named);
    }
}

/// <summary>What went wrong in a template, before it is known where.</summary>
internal sealed class TemplateError(string message) : Exception(HostileText.Shorten(message, MaxLength))
{
    // A template writes part of what its errors say.
    private const int MaxLength = 1000;
}
