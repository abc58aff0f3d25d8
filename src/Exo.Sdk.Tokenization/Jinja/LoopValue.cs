namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The variable <c>loop</c> inside a loop.</summary>
/// <param name="items">What is looped over.</param>
/// <param name="place">The place of this turn, from 0.</param>
internal sealed class LoopValue(IReadOnlyList<TemplateValue> items, int place) : TemplateValue
{
    public override string Kind => "loop";

    /// <summary>An attribute, or null.</summary>
    public TemplateValue? Find(string name) => name switch
    {
        "index" => new IntValue(place + 1),
        "index0" => new IntValue(place),
        "revindex" => new IntValue(items.Count - place),
        "revindex0" => new IntValue(items.Count - place - 1),
        "first" => BoolValue.Of(place == 0),
        "last" => BoolValue.Of(place == items.Count - 1),
        "length" => new IntValue(items.Count),
        "previtem" => place > 0 ? items[place - 1] : new UndefinedValue("loop.previtem"),
        "nextitem" => place + 1 < items.Count ? items[place + 1] : new UndefinedValue("loop.nextitem"),
        "cycle" => new CallableValue("cycle", arguments => arguments.Positional.Count > 0
            ? arguments.Positional[place % arguments.Positional.Count]
            : throw new TemplateError("nothing to cycle through")),
        _ => null,
    };
}
