namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The filters on lists and dictionaries.</summary>
internal static class TemplateListFilters
{
    // What a sorted item costs beyond its comparisons: its place, its key, and its share of the tables of the sort.
    private const int SortBytes = 64;

    /// <summary>Adds them.</summary>
    public static void AddTo(TemplateOperations all)
    {
        all.Walk(static (v, _, b) => Copy(TemplateOperators.Items(v, b), b), "list");
        all.Walk(static (v, _, b) => First(v, b) ?? new UndefinedValue("the first of nothing"), "first");
        all.Walk(static (v, _, b) => v is IteratorValue ? throw new TemplateError("an iterator has no last item")
            : TemplateOperators.Items(v, b) is [.., var last] ? last : new UndefinedValue("the last of nothing"), "last");
        all.Walk(static (v, _, b) => Reverse(v, b), "reverse");
        all.Walk(static (v, _, b) => Entries(v, b), "items");
        all.Walk(static (v, a, b) => DictionarySort(v, a, b), "dictsort");
        all.Walk(static (v, a, b) => Sort(v, a, b), "sort");
        all.Walk(static (v, a, b) => Unique(v, a, b), "unique");
        all.Walk(static (v, a, b) => Map(v, a, b), "map");
        all.Walk(static (v, a, b) => Select(v, a, keeps: true, b), "select");
        all.Walk(static (v, a, b) => Select(v, a, keeps: false, b), "reject");
        all.Walk(static (v, a, b) => SelectByAttribute(v, a, keeps: true, b), "selectattr");
        all.Walk(static (v, a, b) => SelectByAttribute(v, a, keeps: false, b), "rejectattr");
        all.Walk(static (v, a, b) => Extreme(v, a, sign: -1, b), "min");
        all.Walk(static (v, a, b) => Extreme(v, a, sign: 1, b), "max");
        all.Walk(static (v, a, b) => Sum(v, a, b), "sum");
    }

    private static TemplateValue? First(TemplateValue value, TemplateBudget budget) =>
        value is IteratorValue iterator ? iterator.TakeFirst() : TemplateOperators.Items(value, budget) is [var first, ..] ? first : null;

    private static ListValue Copy(IReadOnlyList<TemplateValue> items, TemplateBudget budget)
    {
        budget.SpendItems(items.Count, bytesEach: 8);
        return new([.. items]);
    }

    private static TemplateValue Reverse(TemplateValue value, TemplateBudget budget)
    {
        if (value is TextValue text)
        {
            return TemplateMembers.Slice(text, null, null, -1, budget);
        }

        IReadOnlyList<TemplateValue> items = TemplateOperators.Items(value, budget);
        budget.SpendItems(items.Count, bytesEach: 16);
        TemplateValue[] reversed = [.. items];
        Array.Reverse(reversed);
        return value is IteratorValue ? new ListValue(reversed) : new IteratorValue(reversed);
    }

    private static IteratorValue Entries(TemplateValue value, TemplateBudget budget) => value switch
    {
        MapValue map => new(TemplateMethods.Items(map, budget).Items),
        UndefinedValue => new([]),
        _ => throw new TemplateError($"{value.Kind} has no items"),
    };

    // As the reference: whatever is false, none included, is a sequence of nothing here.
    private static IReadOnlyList<TemplateValue> ItemsOfTrue(TemplateValue value, TemplateBudget budget) =>
        value.IsTrue ? TemplateOperators.Items(value, budget) : [];

    private static IteratorValue Select(TemplateValue value, TemplateArguments a, bool keeps, TemplateBudget budget)
    {
        Func<TemplateValue, bool> holds = Condition(a, 0, budget);
        return Where(ItemsOfTrue(value, budget), item => holds(item) == keeps, budget);
    }

    private static IteratorValue SelectByAttribute(TemplateValue value, TemplateArguments a, bool keeps, TemplateBudget budget)
    {
        IReadOnlyList<TemplateValue> items = ItemsOfTrue(value, budget);
        if (items.Count == 0)
        {
            return new([]);
        }

        AttributePath path = AttributePath.Of(a.Get(0, "attribute"), budget);
        Func<TemplateValue, bool> holds = Condition(a, 1, budget);
        return Where(items, item => holds(path.Of(item, budget)) == keeps, budget);
    }

    // The test that the arguments name from a place on, with the arguments behind it.
    private static Func<TemplateValue, bool> Condition(TemplateArguments a, int place, TemplateBudget budget)
    {
        if (a.Positional.Count <= place)
        {
            return static v => v.IsTrue;
        }

        string test = a.Text(place, "test").Value;
        TemplateArguments rest = a.From(place + 1, budget);
        return v => TemplateConditions.Holds(test, v, rest, budget);
    }

    private static IteratorValue Where(IReadOnlyList<TemplateValue> items, Func<TemplateValue, bool> keeps, TemplateBudget budget)
    {
        List<TemplateValue> kept = [];
        foreach (TemplateValue item in items)
        {
            budget.Step();
            if (keeps(item))
            {
                kept.Add(item);
            }
        }

        return new(kept);
    }

    private static IteratorValue Map(TemplateValue value, TemplateArguments a, TemplateBudget budget)
    {
        IReadOnlyList<TemplateValue> items = ItemsOfTrue(value, budget);
        if (items.Count == 0)
        {
            return new([]);
        }

        if (a.Positional.Count == 0 && a.Named.TryGetValue("attribute", out TemplateValue? attribute))
        {
            return new(AttributePath.Of(attribute, budget).Of(items, budget, a.Named.GetValueOrDefault("default") is { } d and not NoneValue ? d : null));
        }

        TemplateOperation filter = TemplateFilters.Find(a.Text(0, "filter").Value);
        TemplateArguments rest = a.From(1, budget);
        budget.SpendItems(items.Count, bytesEach: 16);
        List<TemplateValue> mapped = new(items.Count);
        foreach (TemplateValue item in items)
        {
            mapped.Add(filter.Apply(item, rest, budget));
        }

        return new(mapped);
    }

    private static ListValue Sort(TemplateValue value, TemplateArguments a, TemplateBudget budget)
    {
        bool caseSensitive = a.IsTrue(1, "case_sensitive");
        AttributePath path = AttributePath.Of(a.Find(2, "attribute"), budget);
        return Sorted(TemplateOperators.Items(value, budget), i => Folded(path.Of(i, budget), caseSensitive, budget), a.IsTrue(0, "reverse"), budget);
    }

    private static ListValue DictionarySort(TemplateValue value, TemplateArguments a, TemplateBudget budget)
    {
        MapValue map = value as MapValue ?? throw new TemplateError($"{value.Kind} is no dictionary");
        bool caseSensitive = a.IsTrue(0, "case_sensitive");
        int by = (a.OptionalText(1, "by")?.Value ?? "key") == "value" ? 1 : 0;
        return Sorted(
            TemplateMethods.Items(map, budget).Items, i => Folded(((ListValue)i).Items[by], caseSensitive, budget), a.IsTrue(2, "reverse"), budget);
    }

    private static ListValue Sorted(IReadOnlyList<TemplateValue> items, Func<TemplateValue, TemplateValue> key, bool reverse, TemplateBudget budget)
    {
        budget.SpendItems(items.Count, SortBytes);
        Comparer<TemplateValue> order = Comparer<TemplateValue>.Create(
            (x, y) => TemplateOperators.AreEqual(x, y, budget) ? 0 : TemplateOperators.Order(x, y, budget));
        try
        {
            return new(reverse ? [.. items.OrderByDescending(key, order)] : [.. items.OrderBy(key, order)]);
        }
        catch (InvalidOperationException e) when (e.InnerException is TemplateError error)
        {
            throw error;
        }
    }

    private static IteratorValue Unique(TemplateValue value, TemplateArguments a, TemplateBudget budget)
    {
        bool caseSensitive = a.IsTrue(0, "case_sensitive");
        AttributePath path = AttributePath.Of(a.Find(1, "attribute"), budget);
        HashSet<TemplateValue> seen = new(TemplateKeys.Instance);
        return Where(
            TemplateOperators.Items(value, budget),
            item =>
            {
                TemplateValue key = TemplateKeys.Require(Folded(path.Of(item, budget), caseSensitive, budget));
                budget.Spend(key.Size);
                budget.Allocate(MapValue.EntryBytes);
                return seen.Add(key);
            },
            budget);
    }

    private static TemplateValue Extreme(TemplateValue value, TemplateArguments a, int sign, TemplateBudget budget)
    {
        bool caseSensitive = a.IsTrue(0, "case_sensitive");
        AttributePath path = AttributePath.Of(a.Find(1, "attribute"), budget);
        (TemplateValue Item, TemplateValue Key)? best = null;
        foreach (TemplateValue item in TemplateOperators.Items(value, budget))
        {
            TemplateValue key = Folded(path.Of(item, budget), caseSensitive, budget);
            if (best is not { } so || TemplateOperators.Order(key, so.Key, budget) * sign > 0)
            {
                best = (item, key);
            }
        }

        return best?.Item ?? new UndefinedValue("the least or most of nothing");
    }

    private static TemplateValue Sum(TemplateValue value, TemplateArguments a, TemplateBudget budget)
    {
        AttributePath path = AttributePath.Of(a.Find(0, "attribute"), budget);
        TemplateValue sum = a.Find(1, "start") ?? new IntValue(0);
        foreach (TemplateValue item in TemplateOperators.Items(value, budget))
        {
            sum = TemplateArithmetic.Apply("+", sum, path.Of(item, budget), budget);
        }

        return sum;
    }

    private static TemplateValue Folded(TemplateValue value, bool caseSensitive, TemplateBudget budget) =>
        !caseSensitive && value is TextValue text ? new TextValue(text.Text.Map(Unicode.LetterCase.Lower, budget)) : value;
}
