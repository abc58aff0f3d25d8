using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The methods of texts, lists and dictionaries. Those that would change a value are left out, as in the reference.</summary>
internal static class TemplateMethods
{
    /// <summary>A method of a dictionary, or null.</summary>
    public static CallableValue? Find(MapValue map, string name) => name switch
    {
        "items" => new(name, _ => Items(map)),
        "keys" => new(name, _ => new ListValue([.. map.Entries.Select(static e => new TextValue(e.Key))])),
        "values" => new(name, _ => new ListValue([.. map.Entries.Select(static e => e.Value)])),
        "get" => new(name, a => (a.Get(0, "key") is TextValue key ? map.Find(key.Value) : null) ?? a.Find(1, "default") ?? NoneValue.Instance),
        _ => null,
    };

    /// <summary>The entries of a dictionary as pairs.</summary>
    public static ListValue Items(MapValue map) =>
        new([.. map.Entries.Select(static e => new ListValue([new TextValue(e.Key), e.Value], isTuple: true))]);

    /// <summary>A method of a list, or null.</summary>
    public static CallableValue? Find(ListValue list, string name, TemplateLimits limits) => name switch
    {
        "index" => new(name, a =>
        {
            TemplateValue item = a.Get(0, "value");
            limits.Spend(list.Size);
            for (int i = 0; i < list.Items.Count; i++)
            {
                if (TemplateOperators.AreEqual(list.Items[i], item))
                {
                    return new IntValue(i);
                }
            }

            throw new TemplateError("the value is not in the list");
        }),
        "count" => new(name, a =>
        {
            limits.Spend(list.Size);
            return new IntValue(list.Items.Count(i => TemplateOperators.AreEqual(i, a.Get(0, "value"))));
        }),
        _ => null,
    };

    /// <summary>A method of a text, or null.</summary>
    public static CallableValue? Find(TextValue value, string name, TemplateLimits limits)
    {
        TemplateText text = value.Text;
        Func<TemplateArguments, TemplateValue>? method = name switch
        {
            "strip" => a => new TextValue(text.Trim(a.OptionalText(0, "chars")?.Value)),
            "lstrip" => a => new TextValue(text.Trim(a.OptionalText(0, "chars")?.Value, right: false)),
            "rstrip" => a => new TextValue(text.Trim(a.OptionalText(0, "chars")?.Value, left: false)),
            "upper" => _ => new TextValue(text.Map(Upper)),
            "lower" => _ => new TextValue(text.Map(Unicode.LetterCase.Lower)),
            "title" => _ => new TextValue(text.Map(Title)),
            "capitalize" => _ => new TextValue(text.Map(Capitalize)),
            "startswith" => a => BoolValue.Of(Any(a.Get(0, "prefix"), p => text.Value.StartsWith(p, StringComparison.Ordinal))),
            "endswith" => a => BoolValue.Of(Any(a.Get(0, "suffix"), p => text.Value.EndsWith(p, StringComparison.Ordinal))),
            "split" => a => Split(text, a, fromRight: false),
            "rsplit" => a => Split(text, a, fromRight: true),
            "splitlines" => a => Lines(text, a.IsTrue(0, "keepends")),
            "replace" => a => Replace(text, a.Text(0, "old"), a.Text(1, "new"), a.Int(2, "count", -1), limits),
            "join" => a => TemplateFilters.Join(a.Get(0, "iterable"), text, limits),
            "find" => a => new IntValue(CodePointIndex(text.Value, text.Value.IndexOf(a.Text(0, "sub").Value, StringComparison.Ordinal))),
            "rfind" => a => new IntValue(CodePointIndex(text.Value, text.Value.LastIndexOf(a.Text(0, "sub").Value, StringComparison.Ordinal))),
            "count" => a => new IntValue(Count(text.Value, a.Text(0, "sub").Value)),
            "removeprefix" => a => new TextValue(a.Text(0, "prefix").Value is var p && text.Value.StartsWith(p, StringComparison.Ordinal) ? text.Range(p.Length, text.Length) : text),
            "removesuffix" => a => new TextValue(a.Text(0, "suffix").Value is var s && text.Value.EndsWith(s, StringComparison.Ordinal) ? text.Slice(0, text.Length - s.Length) : text),
            "isdigit" => _ => BoolValue.Of(All(text.Value, static r => Rune.GetUnicodeCategory(r) == UnicodeCategory.DecimalDigitNumber)),
            "isalpha" => _ => BoolValue.Of(All(text.Value, Rune.IsLetter)),
            "isalnum" => _ => BoolValue.Of(All(text.Value, static r => Rune.IsLetter(r) || Rune.IsNumber(r))),
            "isspace" => _ => BoolValue.Of(text.Length > 0 && text.Value.All(TemplateText.IsSpace)),
            "isupper" => _ => BoolValue.Of(text.Value.EnumerateRunes().Any(Rune.IsUpper) && !text.Value.EnumerateRunes().Any(Rune.IsLower)),
            "islower" => _ => BoolValue.Of(text.Value.EnumerateRunes().Any(Rune.IsLower) && !text.Value.EnumerateRunes().Any(Rune.IsUpper)),
            _ => null,
        };
        return method is null ? null : new CallableValue(name, a =>
        {
            // Every argument that is a text is something to look for.
            limits.SpendSearch(text.Length, a.Positional.Concat(a.Named.Values).Sum(static v => v is TextValue t ? t.Text.Length : 1L));
            return method(a);
        });
    }

    /// <summary>Replaces parts of a text, within the bounds.</summary>
    public static TextValue Replace(TemplateText text, TemplateText old, TemplateText replacement, long count, TemplateLimits limits)
    {
        limits.SpendSearch(text.Length, old.Length);
        long times = old.Length == 0 ? text.Length + 1 : Count(text.Value, old.Value);
        times = count < 0 ? times : Math.Min(times, count);
        limits.SpendText(text.Length + (times * replacement.Length) + times);
        return new(text.Replace(old.Value, replacement, (int)Math.Clamp(count, -1, int.MaxValue)));
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
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append((inWord ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune)).ToString());
            inWord = Rune.IsLetter(rune);
        }

        return result.ToString();
    }

    /// <summary>The text in upper case.</summary>
    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

    private static bool Any(TemplateValue value, Func<string, bool> holds) => value switch
    {
        TextValue text => holds(text.Value),
        ListValue { IsTuple: true } list => list.Items.Any(i => Any(i, holds)),
        _ => throw new TemplateError($"a string or a tuple of strings is expected, not {value.Kind}"),
    };

    private static bool All(string text, Func<Rune, bool> holds) => text.Length > 0 && text.EnumerateRunes().All(holds);

    private static ListValue Split(TemplateText text, TemplateArguments arguments, bool fromRight)
    {
        long limit = arguments.Int(1, "maxsplit", -1);
        string? separator = arguments.OptionalText(0, "sep")?.Value;
        if (separator?.Length == 0)
        {
            throw new TemplateError("an empty separator");
        }

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

        List<(int Start, int End)> cuts = [.. (separator is null ? Spaces(text.Value) : Occurrences(text.Value, separator, fromRight))
            .Where(c => c.Start >= start && c.End <= end).Take((TemplateLimits.MaxParts / 4) + 1)];
        if (cuts.Count > TemplateLimits.MaxParts / 4)
        {
            throw new TemplateError("a string falls into too many parts");
        }

        if (limit >= 0 && cuts.Count > limit)
        {
            cuts = fromRight ? cuts[^(int)limit..] : cuts[..(int)limit];
            (start, end) = fromRight ? (0, end) : (start, text.Length);
        }

        List<TemplateValue> parts = [];
        foreach ((int from, int to) in cuts)
        {
            parts.Add(new TextValue(text.Range(start, from)));
            start = to;
        }

        parts.Add(new TextValue(text.Range(start, end)));
        return new(parts);
    }

    private static IEnumerable<(int Start, int End)> Occurrences(string text, string part, bool fromRight = false)
    {
        // Only where the text overlaps itself does the side matter.
        if (fromRight)
        {
            List<(int, int)> found = [];
            for (int end = text.Length; end >= part.Length && text.LastIndexOf(part, end - 1, StringComparison.Ordinal) is >= 0 and int last; end = last)
            {
                found.Add((last, last + part.Length));
            }

            found.Reverse();
            foreach ((int, int) one in found)
            {
                yield return one;
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

    private static ListValue Lines(TemplateText text, bool keepEnds)
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
            lines.Add(new TextValue(text.Range(at, keepEnds ? next : end)));
            at = next;
        }

        return new(lines);
    }

    private static long Count(string text, string part) => part.Length == 0 ? text.Length + 1 : Occurrences(text, part).Count();

    private static long CodePointIndex(string text, int at) => at < 0 ? -1 : TemplateOperators.Length(new TextValue(text[..at]));
}
