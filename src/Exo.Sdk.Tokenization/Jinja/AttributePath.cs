using System.Globalization;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>
/// The attribute that a filter takes of every item: a name, a place, or several with dots between. Cut once, however
/// many items there are.
/// </summary>
internal readonly struct AttributePath
{
    private readonly List<TemplateValue>? _parts;

    private AttributePath(List<TemplateValue> parts) => _parts = parts;

    /// <summary>Whether there is none, so that an item stands for itself.</summary>
    public bool IsEmpty => _parts is null;

    /// <summary>The path that an argument writes; the empty one where it is absent.</summary>
    public static AttributePath Of(TemplateValue? attribute, TemplateBudget budget)
    {
        switch (attribute)
        {
            case null or NoneValue:
                return default;
            case TextValue text:
                List<TemplateValue> parts = [];
                string name = text.Value;
                budget.Spend(text.Size);
                for (int at = 0, end; at <= name.Length; at = end + 1)
                {
                    end = name.IndexOf('.', at) is >= 0 and int dot ? dot : name.Length;
                    budget.SpendText(end - at);
                    string part = name[at..end];
                    parts.Add(part.Length > 0 && part.All(char.IsAsciiDigit) && long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long place)
                        ? new IntValue(place)
                        : new TextValue(part));
                }

                return new(parts);
            default:
                return new([attribute]);
        }
    }

    /// <summary>The attribute of an item.</summary>
    /// <param name="item">The item.</param>
    /// <param name="budget">What it is spent from.</param>
    /// <param name="otherwise">What stands for a part that the item lacks; null where it is undefined.</param>
    public TemplateValue Of(TemplateValue item, TemplateBudget budget, TemplateValue? otherwise = null)
    {
        budget.Step();
        foreach (TemplateValue part in _parts ?? [])
        {
            budget.Step();
            item = TemplateMembers.Index(item, part, budget);
            item = item is UndefinedValue && otherwise is not null ? otherwise : item;
        }

        return item;
    }

    /// <summary>The attribute of each item.</summary>
    public IReadOnlyList<TemplateValue> Of(IReadOnlyList<TemplateValue> items, TemplateBudget budget, TemplateValue? otherwise = null)
    {
        if (IsEmpty)
        {
            return items;
        }

        budget.SpendItems(items.Count, bytesEach: 8);
        List<TemplateValue> found = new(items.Count);
        foreach (TemplateValue item in items)
        {
            found.Add(Of(item, budget, otherwise));
        }

        return found;
    }
}
