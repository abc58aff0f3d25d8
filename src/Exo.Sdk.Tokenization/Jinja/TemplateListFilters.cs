namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The filters on lists and dictionaries.</summary>
internal static class TemplateListFilters
{
    /// <summary>Applies a filter, or answers null when it is none of these.</summary>
    public static TemplateValue? Apply(string name, TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        switch (name)
        {
            case "list":
                return List(TemplateOperators.Items(value), limits);
            case "first":
                return TemplateOperators.Items(value) is [var first, ..] ? first : new UndefinedValue("the first of nothing");
            case "last":
                return TemplateOperators.Items(value) is [.., var last] ? last : new UndefinedValue("the last of nothing");
            case "reverse":
                return value is TextValue text
                    ? TemplateMembers.Slice(text, null, null, -1, limits)
                    : List(TemplateOperators.Items(value).Reverse(), limits);
            case "items":
                return value is MapValue map ? TemplateMethods.Items(map)
                    : value is UndefinedValue ? new ListValue([])
                    : throw new TemplateError($"{value.Kind} has no items");
            case "dictsort":
                return DictionarySort(value, a, limits);
            case "sort":
                return Sort(value, a, limits);
            case "unique":
                return Unique(value, a, limits);
            case "map":
                return Map(value, a, limits);
            case "select" or "reject":
                return List(
                    TemplateOperators.Items(value).Where(i => (a.Positional.Count == 0 ? i.IsTrue : Holds(i, a, 0, limits)) == (name == "select")), limits);
            case "selectattr" or "rejectattr":
                TemplateValue attribute = a.Get(0, "attribute");
                return List(
                    TemplateOperators.Items(value).Where(i =>
                    {
                        TemplateValue member = Attribute(i, attribute, limits);
                        return (a.Positional.Count == 1 ? member.IsTrue : Holds(member, a, 1, limits)) == (name == "selectattr");
                    }),
                    limits);
            case "min" or "max":
                IReadOnlyList<TemplateValue> items = Mapped(TemplateOperators.Items(value), a.Find(1, "attribute"), limits);
                return items.Count == 0
                    ? new UndefinedValue($"the {name} of nothing")
                    : items.Aggregate((x, y) => TemplateOperators.Order(y, x) * (name == "min" ? -1 : 1) > 0 ? y : x);
            case "sum":
                return Mapped(TemplateOperators.Items(value), a.Find(0, "attribute"), limits)
                    .Aggregate(a.Find(1, "start") ?? new IntValue(0), (x, y) => TemplateArithmetic.Apply("+", x, y, limits));
            default:
                return null;
        }
    }

    /// <summary>The attribute of an item by its name, by a dotted name or by a place.</summary>
    public static TemplateValue Attribute(TemplateValue item, TemplateValue attribute, TemplateLimits limits)
    {
        limits.Spend(1);
        if (attribute is not TextValue name)
        {
            return TemplateMembers.Index(item, attribute, limits);
        }

        foreach (string part in name.Value.Split('.'))
        {
            item = item is UndefinedValue ? item
                : long.TryParse(part, out long place) ? TemplateMembers.Index(item, new IntValue(place), limits)
                : TemplateMembers.Index(item, new TextValue(part), limits);
        }

        return item;
    }

    private static bool Holds(TemplateValue value, TemplateArguments a, int place, TemplateLimits limits) =>
        TemplateConditions.Holds(a.Text(place, "test").Value, value, a.From(place + 1), limits);

    private static IReadOnlyList<TemplateValue> Mapped(IReadOnlyList<TemplateValue> items, TemplateValue? attribute, TemplateLimits limits) =>
        attribute is null or NoneValue ? items : [.. items.Select(i => Attribute(i, attribute, limits))];

    private static ListValue List(IEnumerable<TemplateValue> items, TemplateLimits limits)
    {
        List<TemplateValue> list = [];
        foreach (TemplateValue item in items)
        {
            limits.Spend(1);
            list.Add(item);
        }

        return new(list);
    }

    private static ListValue Map(TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        IReadOnlyList<TemplateValue> items = TemplateOperators.Items(value);
        if (a.Named.TryGetValue("attribute", out TemplateValue? attribute))
        {
            TemplateValue? otherwise = a.Named.GetValueOrDefault("default");
            return List(items.Select(i => Attribute(i, attribute, limits) is var found && found is UndefinedValue && otherwise is not null ? otherwise : found), limits);
        }

        string filter = a.Text(0, "filter").Value;
        return List(items.Select(i => TemplateFilters.Apply(filter, i, a.From(1), limits)), limits);
    }

    private static ListValue Sort(TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        bool caseSensitive = a.IsTrue(1, "case_sensitive");
        TemplateValue? attribute = a.Find(2, "attribute");
        TemplateValue Key(TemplateValue item) => Folded(attribute is null or NoneValue ? item : Attribute(item, attribute, limits), caseSensitive);
        return Sorted(TemplateOperators.Items(value), Key, a.IsTrue(0, "reverse"), limits);
    }

    private static ListValue DictionarySort(TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        MapValue map = value as MapValue ?? throw new TemplateError($"{value.Kind} is no dictionary");
        bool caseSensitive = a.IsTrue(0, "case_sensitive");
        int by = (a.OptionalText(1, "by")?.Value ?? "key") == "value" ? 1 : 0;
        return Sorted(TemplateMethods.Items(map).Items, i => Folded(((ListValue)i).Items[by], caseSensitive), a.IsTrue(2, "reverse"), limits);
    }

    private static ListValue Sorted(IReadOnlyList<TemplateValue> items, Func<TemplateValue, TemplateValue> key, bool reverse, TemplateLimits limits)
    {
        limits.Spend(items.Sum(static i => i.Size) * 20);
        Comparer<TemplateValue> order = Comparer<TemplateValue>.Create(static (x, y) => TemplateOperators.AreEqual(x, y) ? 0 : TemplateOperators.Order(x, y));
        try
        {
            return new(reverse ? [.. items.OrderByDescending(key, order)] : [.. items.OrderBy(key, order)]);
        }
        catch (InvalidOperationException e) when (e.InnerException is TemplateError error)
        {
            throw error;
        }
    }

    private static ListValue Unique(TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        bool caseSensitive = a.IsTrue(0, "case_sensitive");
        TemplateValue? attribute = a.Find(1, "attribute");
        List<TemplateValue> keys = [];
        return List(
            TemplateOperators.Items(value).Where(item =>
            {
                TemplateValue key = Folded(attribute is null or NoneValue ? item : Attribute(item, attribute, limits), caseSensitive);
                limits.Spend(keys.Count * key.Size);
                if (keys.Exists(k => TemplateOperators.AreEqual(k, key)))
                {
                    return false;
                }

                keys.Add(key);
                return true;
            }),
            limits);
    }

    private static TemplateValue Folded(TemplateValue value, bool caseSensitive) =>
        !caseSensitive && value is TextValue text ? new TextValue(text.Text.Map(Unicode.LetterCase.Lower)) : value;
}
