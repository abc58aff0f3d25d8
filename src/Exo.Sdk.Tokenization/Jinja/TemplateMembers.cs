namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>Attributes, items and slices.</summary>
internal static class TemplateMembers
{
    /// <summary><c>value.name</c>: a method of the value, else its item of that name.</summary>
    public static TemplateValue Attribute(TemplateValue value, string name, TemplateBudget budget)
    {
        switch (value)
        {
            case UndefinedValue:
                throw new TemplateError($"{value.Kind} has no attribute '{name}'");
            case NamespaceValue space:
                return space.Find(name, budget) ?? Missing(name);
            case LoopValue loop:
                return loop.Find(name) ?? Missing(name);
            case MapValue map:
                return (TemplateValue?)TemplateMethods.Find(map, name, budget) ?? map.Find(new TextValue(name), budget) ?? Missing(name);
            case TextValue text:
                return (TemplateValue?)TemplateMethods.Find(text, name, budget) ?? Missing(name);
            case ListValue list:
                return (TemplateValue?)TemplateMethods.Find(list, name, budget) ?? Missing(name);
            default:
                return Missing(name);
        }
    }

    /// <summary><c>value[key]</c>: the item, else the attribute of that name.</summary>
    public static TemplateValue Index(TemplateValue value, TemplateValue key, TemplateBudget budget)
    {
        switch (value, key)
        {
            case (UndefinedValue, _):
                throw new TemplateError($"{value.Kind} has no items");
            case (MapValue map, _) when TemplateKeys.IsKey(key) && map.Find(key, budget) is { } found:
                return found;
            case (ListValue list, IntValue index):
                return At(index.Value, list.Items.Count) is { } place ? list.Items[place] : Missing($"[{index.Value}]");
            case (TextValue text, IntValue index):
                budget.Spend(text.Size);
                if (At(index.Value, TemplateOperators.Length(text)) is not { } character)
                {
                    return Missing($"[{index.Value}]");
                }

                int start = Offset(text.Value, 0, character);
                return new TextValue(text.Text.Range(start, Offset(text.Value, start, 1), budget));
            case (_, TextValue name):
                return Attribute(value, name.Value, budget);
            default:
                return Missing("that item");
        }
    }

    /// <summary><c>value[start:stop:step]</c>, with the rules of Python.</summary>
    public static TemplateValue Slice(TemplateValue value, long? start, long? stop, long? step, TemplateBudget budget)
    {
        long by = step ?? 1;
        if (by == 0)
        {
            throw new TemplateError("a slice with steps of zero");
        }

        switch (value)
        {
            case ListValue list:
                budget.SpendItems(list.Items.Count, bytesEach: 32);
                return new ListValue([.. Places(list.Items.Count, start, stop, by).Select(i => list.Items[i])], list.IsTuple);
            case TextValue text:
                budget.Spend(text.Size);
                if (by == 1)
                {
                    int count = TemplateOperators.Length(text);
                    int from = Clamp(start ?? 0, count), to = Math.Max(from, Clamp(stop ?? long.MaxValue, count));
                    int first = Offset(text.Value, 0, from);
                    return new TextValue(text.Text.Range(first, Offset(text.Value, first, to - from), budget));
                }

                IReadOnlyList<TemplateValue> characters = TemplateOperators.Items(text, budget);
                TemplateTextBuilder result = new(budget);
                foreach (int place in Places(characters.Count, start, stop, by))
                {
                    result.Append(((TextValue)characters[place]).Text);
                }

                return new TextValue(result.ToText());
            default:
                throw new TemplateError($"{value.Kind} cannot be sliced");
        }
    }

    private static UndefinedValue Missing(string name) => new(name);

    private static int? At(long index, int count)
    {
        long place = index < 0 ? index + count : index;
        return place >= 0 && place < count ? (int)place : null;
    }

    // The place some characters further on; texts count by character, strings by UTF-16 unit.
    private static int Offset(string text, int from, int characters)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return from + characters;
        }

        for (; characters > 0; characters--)
        {
            from += from + 1 < text.Length && char.IsSurrogatePair(text, from) ? 2 : 1;
        }

        return from;
    }

    private static int Clamp(long index, int count) => (int)Math.Clamp(index < 0 ? index + count : index, 0, count);

    private static IEnumerable<int> Places(int count, long? start, long? stop, long step)
    {
        if (step > 0)
        {
            int end = Clamp(stop ?? long.MaxValue, count);
            for (long i = Clamp(start ?? 0, count); i < end; i += Math.Min(step, count))
            {
                yield return (int)i;
            }

            yield break;
        }

        long first = start is { } s ? Math.Min(s < 0 ? s + count : s, count - 1) : count - 1;
        long last = stop is { } e ? Math.Max(e < 0 ? e + count : e, -1) : -1;
        for (long i = first; i > last && i >= 0; i += step)
        {
            yield return (int)i;
        }
    }
}
