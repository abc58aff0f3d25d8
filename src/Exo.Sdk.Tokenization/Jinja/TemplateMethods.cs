using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The methods of texts, lists and dictionaries. Those that would change a value are left out, as in the reference.</summary>
internal static class TemplateMethods
{
    // A cut of a text in a list that grows by doubling.
    private const int CutBytes = 32;

    /// <summary>The methods of dictionaries.</summary>
    public static TemplateOperations OfMaps { get; } = MakeMapMethods();

    /// <summary>The methods of lists.</summary>
    public static TemplateOperations OfLists { get; } = MakeListMethods();

    /// <summary>The methods of texts.</summary>
    public static TemplateOperations OfTexts { get; } = MakeTextMethods();

    /// <summary>A method of a value, or null.</summary>
    public static CallableValue? Find(TemplateValue value, string name, TemplateBudget budget)
    {
        TemplateOperations? methods = value switch { MapValue => OfMaps, ListValue => OfLists, TextValue => OfTexts, _ => null };
        return methods?.GetValueOrDefault(name) is { } method ? new(name, a => method.Apply(value, a, budget)) : null;
    }

    /// <summary>The entries of a dictionary as pairs.</summary>
    public static ListValue Items(MapValue map, TemplateBudget budget)
    {
        budget.SpendItems(map.Entries.Count, bytesEach: 128);
        return new([.. map.Entries.Select(static e => new ListValue([e.Key, e.Value], isTuple: true))]);
    }

    private static TemplateOperations MakeMapMethods()
    {
        TemplateOperations all = [];
        all.Walk(static (v, _, b) => Items((MapValue)v, b), "items");
        all.Walk(static (v, _, b) => new ListValue(TemplateOperators.Items(v, b)), "keys");
        all.Walk(static (v, _, b) =>
        {
            MapValue map = (MapValue)v;
            b.SpendItems(map.Entries.Count, bytesEach: 8);
            return new ListValue([.. map.Entries.Select(static e => e.Value)]);
        }, "values");
        all.Glance(static (v, a, b) => ((MapValue)v).Find(a.Get(0, "key"), b) ?? a.Find(1, "default") ?? NoneValue.Instance, "get");
        return all;
    }

    private static TemplateOperations MakeListMethods()
    {
        TemplateOperations all = [];
        all.Walk(static (v, a, b) =>
        {
            IReadOnlyList<TemplateValue> items = ((ListValue)v).Items;
            TemplateValue item = a.Get(0, "value");
            for (int i = 0; i < items.Count; i++)
            {
                if (TemplateOperators.AreEqual(items[i], item, b))
                {
                    return new IntValue(i);
                }
            }

            throw new TemplateError("the value is not in the list");
        }, "index");
        all.Walk(static (v, a, b) => new IntValue(((ListValue)v).Items.Count(i => TemplateOperators.AreEqual(i, a.Get(0, "value"), b))), "count");
        return all;
    }

    private static TemplateOperations MakeTextMethods()
    {
        TemplateOperations all = [];
        static TemplateText Text(TemplateValue value) => ((TextValue)value).Text;
        static string Value(TemplateValue value) => ((TextValue)value).Value;

        // A part that is looked for may be compared with each place of the text.
        static string Sought(TemplateValue value, TemplateArguments a, string name, TemplateBudget budget)
        {
            string part = a.Text(0, name).Value;
            budget.SpendSearch(Value(value).Length, part.Length);
            return part;
        }

        void Trim(string name, bool left, bool right) =>
            all.Walk((v, a, b) => new TextValue(Text(v).Trim(a.OptionalText(0, "chars")?.Value, left, right, b)), name);
        void Map(string name, Func<string, string> rewrite) => all.Walk((v, _, b) => new TextValue(Text(v).Map(rewrite, b)), name);
        void Is(string name, Func<string, bool> holds) => all.Walk((v, _, _) => BoolValue.Of(holds(Value(v))), name);
        Trim("strip", left: true, right: true);
        Trim("lstrip", left: true, right: false);
        Trim("rstrip", left: false, right: true);
        Map("upper", Upper);
        Map("lower", Unicode.LetterCase.Lower);
        Map("title", Title);
        Map("capitalize", Capitalize);
        all.Glance(static (v, a, b) => BoolValue.Of(Any(a.Get(0, "prefix"), p => Value(v).StartsWith(p, StringComparison.Ordinal), b)), "startswith");
        all.Glance(static (v, a, b) => BoolValue.Of(Any(a.Get(0, "suffix"), p => Value(v).EndsWith(p, StringComparison.Ordinal), b)), "endswith");
        all.Walk(static (v, a, b) => Split(Text(v), a, fromRight: false, b), "split");
        all.Walk(static (v, a, b) => Split(Text(v), a, fromRight: true, b), "rsplit");
        all.Walk(static (v, a, b) => Lines(Text(v), a.IsTrue(0, "keepends"), b), "splitlines");
        all.Walk(static (v, a, b) => new TextValue(Text(v).Replace(a.Text(0, "old").Value, a.Text(1, "new"), a.Int(2, "count", -1), b)), "replace");
        all.Walk(static (v, a, b) => TemplateTextFilters.Join(a.Get(0, "iterable"), Text(v), b), "join");
        all.Walk(static (v, a, b) => Place(Value(v), Value(v).IndexOf(Sought(v, a, "sub", b), StringComparison.Ordinal)), "find");
        all.Walk(static (v, a, b) => Place(Value(v), Value(v).LastIndexOf(Sought(v, a, "sub", b), StringComparison.Ordinal)), "rfind");
        all.Walk(static (v, a, b) => new IntValue(Count(Value(v), Sought(v, a, "sub", b))), "count");
        all.Walk(
            static (v, a, b) => a.Text(0, "prefix").Value is var p && Value(v).StartsWith(p, StringComparison.Ordinal)
                ? new TextValue(Text(v).Range(p.Length, Text(v).Length, b)) : v,
            "removeprefix");
        all.Walk(
            static (v, a, b) => a.Text(0, "suffix").Value is var s && Value(v).EndsWith(s, StringComparison.Ordinal)
                ? new TextValue(Text(v).Slice(0, Text(v).Length - s.Length, b)) : v,
            "removesuffix");
        Is("isdigit", static t => All(t, static r => Rune.GetUnicodeCategory(r) == UnicodeCategory.DecimalDigitNumber));
        Is("isalpha", static t => All(t, Rune.IsLetter));
        Is("isalnum", static t => All(t, static r => Rune.IsLetter(r) || Rune.IsNumber(r)));
        Is("isspace", static t => t.Length > 0 && t.All(TemplateText.IsSpace));
        Is("isupper", static t => t.EnumerateRunes().Any(Rune.IsUpper) && !t.EnumerateRunes().Any(Rune.IsLower));
        Is("islower", static t => t.EnumerateRunes().Any(Rune.IsLower) && !t.EnumerateRunes().Any(Rune.IsUpper));
        return all;
    }

    /// <summary>The first letter in upper case, the others in lower case.</summary>
    public static string Capitalize(string text)
    {
        int first = text.Length > 1 && char.IsSurrogatePair(text, 0) ? 2 : Math.Min(1, text.Length);
        return Upper(text[..first]) + Unicode.LetterCase.Lower(text[first..]);
    }

    /// <summary>Every word with its first letter in upper case.</summary>
    public static string Title(string text)
    {
        StringBuilder result = new(text.Length);
        bool inWord = false;
        Span<char> units = stackalloc char[2];
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(units[..(inWord ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune)).EncodeToUtf16(units)]);
            inWord = Rune.IsLetter(rune);
        }

        return result.ToString();
    }

    /// <summary>The text in upper case.</summary>
    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

    private static bool Any(TemplateValue value, Func<string, bool> holds, TemplateBudget budget)
    {
        budget.Spend(value is TextValue ? value.Breadth : 1);
        return value switch
        {
            TextValue text => holds(text.Value),
            ListValue { IsTuple: true } list => list.Items.Any(i => Any(i, holds, budget)),
            _ => throw new TemplateError($"a string or a tuple of strings is expected, not {value.Kind}"),
        };
    }

    private static bool All(string text, Func<Rune, bool> holds) => text.Length > 0 && text.EnumerateRunes().All(holds);

    private static ListValue Split(TemplateText text, TemplateArguments arguments, bool fromRight, TemplateBudget budget)
    {
        long limit = arguments.Int(1, "maxsplit", -1);
        string? separator = arguments.OptionalText(0, "sep")?.Value;
        if (separator?.Length == 0)
        {
            throw new TemplateError("an empty separator");
        }

        budget.SpendSearch(text.Length, separator?.Length ?? 1);
        int start = 0, end = text.Length;
        if (separator is null)
        {
            // White space at the ends separates nothing; beyond the last allowed cut it stays.
            while (start < end && TemplateText.IsSpace(text.Value[start]))
            {
                start++;
            }

            while (end > start && TemplateText.IsSpace(text.Value[end - 1]))
            {
                end--;
            }

            if (start == end)
            {
                return new([]);
            }
        }

        List<(int Start, int End)> cuts = [];
        foreach ((int Start, int End) cut in separator is null ? Spaces(text.Value) : Occurrences(text.Value, separator, fromRight))
        {
            if (cut.Start < start || cut.End > end)
            {
                continue;
            }

            budget.Spend(1);
            budget.Allocate(CutBytes);
            cuts.Add(cut);
            if (cuts.Count > TemplateBudget.MaxParts / 4)
            {
                throw new TemplateError("a string falls into too many parts");
            }
        }

        if (fromRight && separator is not null)
        {
            cuts.Reverse();
        }

        if (limit >= 0 && cuts.Count > limit)
        {
            cuts = fromRight ? cuts[^(int)limit..] : cuts[..(int)limit];
            (start, end) = fromRight ? (0, end) : (start, text.Length);
        }

        // The texts of the parts spend for themselves.
        budget.SpendItems(cuts.Count, bytesEach: 128);
        List<TemplateValue> parts = [];
        foreach ((int from, int to) in cuts)
        {
            parts.Add(new TextValue(text.Range(start, from, budget)));
            start = to;
        }

        parts.Add(new TextValue(text.Range(start, end, budget)));
        return new(parts);
    }

    // The occurrences in the order they are come upon. Only where the text overlaps itself does the side matter.
    private static IEnumerable<(int Start, int End)> Occurrences(string text, string part, bool fromRight = false)
    {
        if (fromRight)
        {
            for (int end = text.Length; end >= part.Length && text.LastIndexOf(part, end - 1, StringComparison.Ordinal) is >= 0 and int last; end = last)
            {
                yield return (last, last + part.Length);
            }

            yield break;
        }

        for (int at = 0; (at = text.IndexOf(part, at, StringComparison.Ordinal)) >= 0; at += part.Length)
        {
            yield return (at, at + part.Length);
        }
    }

    private static IEnumerable<(int Start, int End)> Spaces(string text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            int start = at;
            while (at < text.Length && TemplateText.IsSpace(text[at]))
            {
                at++;
            }

            if (at > start)
            {
                yield return (start, at);
            }
        }
    }

    private static ListValue Lines(TemplateText text, bool keepEnds, TemplateBudget budget)
    {
        List<TemplateValue> lines = [];
        for (int at = 0; at < text.Length;)
        {
            int end = at;
            while (end < text.Length && text.Value[end] is not ('\n' or '\r' or '\v' or '\f' or '\x1C' or '\x1D' or '\x1E' or '\x85' or '\u2028' or '\u2029'))
            {
                end++;
            }

            int next = end + (end + 1 < text.Length && text.Value[end] == '\r' && text.Value[end + 1] == '\n' ? 2 : end < text.Length ? 1 : 0);
            budget.SpendItems(1, bytesEach: 48);
            lines.Add(new TextValue(text.Range(at, keepEnds ? next : end, budget)));
            at = next;
        }

        return new(lines);
    }

    private static long Count(string text, string part) => part.Length == 0 ? text.Length + 1 : Occurrences(text, part).Count();

    // Places count characters, not UTF-16 units.
    private static IntValue Place(string text, int at) => new(at < 0 ? -1 : at - TemplateOperators.PairCount(text.AsSpan(0, at)));
}
