using System.Globalization;
using System.Text;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>What operators, printing and comparison make of values: as Python does.</summary>
internal static class TemplateOperators
{
    /// <summary>A value as it is printed.</summary>
    public static TemplateText ToText(TemplateValue value) => value switch
    {
        TextValue text => text.Text,
        UndefinedValue => TemplateText.Empty,
        _ => TemplateText.Of(Represent(value), IsControl(value)),
    };

    /// <summary>Whether no part of a value came in with the messages.</summary>
    public static bool IsControl(TemplateValue value) => value switch
    {
        TextValue text => text.Text.IsControl,
        ListValue list => list.Items.All(IsControl),
        MapValue map => map.Entries.All(static e => e.Key.IsControl && IsControl(e.Value)),
        _ => true,
    };

    /// <summary>What can be looped over.</summary>
    public static IReadOnlyList<TemplateValue> Items(TemplateValue value) => value switch
    {
        ListValue list => list.Items,
        TextValue { Text.Length: > TemplateLimits.MaxParts / 4 } => throw new TemplateError("a string is too long to be taken apart"),
        MapValue map => [.. map.Entries.Select(static e => new TextValue(e.Key))],
        TextValue text => [.. CodePoints(text.Text).Select(static t => new TextValue(t))],
        UndefinedValue => [],
        _ => throw new TemplateError($"{value.Kind} cannot be looped over"),
    };

    /// <summary>The characters of a text.</summary>
    public static IEnumerable<TemplateText> CodePoints(TemplateText text)
    {
        for (int at = 0; at < text.Length;)
        {
            int length = char.IsHighSurrogate(text.Value[at]) && at + 1 < text.Length && char.IsLowSurrogate(text.Value[at + 1]) ? 2 : 1;
            yield return text.Slice(at, length);
            at += length;
        }
    }

    /// <summary>How many items or characters a value has.</summary>
    public static int Length(TemplateValue value) => value switch
    {
        ListValue list => list.Items.Count,
        MapValue map => map.Entries.Count,
        TextValue text => text.Value.Length - PairCount(text.Value),
        UndefinedValue => 0,
        _ => throw new TemplateError($"{value.Kind} has no length"),
    };

    /// <summary>Whether two values are equal.</summary>
    public static bool AreEqual(TemplateValue left, TemplateValue right) => (left, right) switch
    {
        (TextValue l, TextValue r) => l.Value == r.Value,
        (NoneValue, NoneValue) or (UndefinedValue, UndefinedValue) => true,
        (ListValue l, ListValue r) => l.IsTuple == r.IsTuple && l.Items.Count == r.Items.Count && l.Items.Zip(r.Items).All(static p => AreEqual(p.First, p.Second)),
        (MapValue l, MapValue r) => l.Entries.Count == r.Entries.Count
            && l.Entries.All(e => r.Find(e.Key.Value) is { } other && AreEqual(e.Value, other)),
        _ when TryNumber(left, out double l) && TryNumber(right, out double r) => l.Equals(r),
        _ => ReferenceEquals(left, right),
    };

    /// <summary>The order of two numbers, texts or lists.</summary>
    public static int Order(TemplateValue left, TemplateValue right)
    {
        if (TryNumber(left, out double l) && TryNumber(right, out double r))
        {
            return l.CompareTo(r);
        }

        switch (left, right)
        {
            case (TextValue a, TextValue b):
                return Compare(a.Value, b.Value);
            case (ListValue a, ListValue b):
                int difference = a.Items.Zip(b.Items).Select(static p => AreEqual(p.First, p.Second) ? 0 : Order(p.First, p.Second)).FirstOrDefault(static c => c != 0);
                return difference != 0 ? difference : a.Items.Count.CompareTo(b.Items.Count);
            default:
                throw new TemplateError($"{left.Kind} and {right.Kind} have no order");
        }
    }

    /// <summary>Whether <paramref name="container"/> holds <paramref name="item"/>.</summary>
    public static bool Contains(TemplateValue container, TemplateValue item, TemplateLimits limits) => container switch
    {
        TextValue text => item is TextValue part
            ? IndexOf(text.Value, part.Value, limits) >= 0
            : throw new TemplateError($"{item.Kind} cannot be in a string"),
        MapValue map => item is TextValue key && map.Find(key.Value) is not null,
        ListValue list => list.Items.Any(i => AreEqual(i, item)),
        NamespaceValue space => item is TextValue key && space.Attributes.ContainsKey(key.Value),
        UndefinedValue => false,
        _ => throw new TemplateError($"{container.Kind} contains nothing"),
    };

    /// <summary>The first place of a text in another, or -1.</summary>
    public static int IndexOf(string text, string part, TemplateLimits limits)
    {
        limits.SpendSearch(text.Length, part.Length);
        return text.IndexOf(part, StringComparison.Ordinal);
    }

    /// <summary>A number out of a value that is one; truth values count.</summary>
    public static bool TryNumber(TemplateValue value, out double number)
    {
        number = value switch
        {
            IntValue i => i.Value,
            FloatValue f => f.Value,
            BoolValue b => b.Value ? 1 : 0,
            _ => double.NaN,
        };
        return value is IntValue or FloatValue or BoolValue;
    }

    /// <summary>A value as Python's <c>repr</c> writes it, a text on its own without quotes.</summary>
    public static string Represent(TemplateValue value)
    {
        StringBuilder text = new();
        Represent(value, text, depth: 0);
        return text.ToString();
    }

    /// <summary>A float as Python writes it.</summary>
    public static string Represent(double number)
    {
        if (!double.IsFinite(number))
        {
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }

        double size = Math.Abs(number);
        if (size != 0 && (size < 1e-4 || size >= 1e16))
        {
            string[] parts = number.ToString("E16", CultureInfo.InvariantCulture).Split('E');
            string shortest = number.ToString("R", CultureInfo.InvariantCulture);
            string mantissa = shortest.Contains('E', StringComparison.Ordinal) ? shortest.Split('E')[0] : parts[0].TrimEnd('0').TrimEnd('.');
            int exponent = int.Parse(parts[1], CultureInfo.InvariantCulture);
            return string.Create(CultureInfo.InvariantCulture, $"{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }

        string plain = number.ToString("0.0#################", CultureInfo.InvariantCulture);
        string exact = number.ToString("R", CultureInfo.InvariantCulture);
        return exact.Contains('E', StringComparison.Ordinal) ? plain : exact.Contains('.', StringComparison.Ordinal) ? exact : $"{exact}.0";
    }

    private static void Represent(TemplateValue value, StringBuilder text, int depth)
    {
        if (text.Length > TemplateLimits.MaxText)
        {
            throw new TemplateError($"a text grows beyond {TemplateLimits.MaxText} characters");
        }

        switch (value)
        {
            case TextValue t when depth == 0:
                text.Append(t.Value);
                break;
            case TextValue t:
                char quote = t.Value.Contains('\'', StringComparison.Ordinal) && !t.Value.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
                string escaped = t.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)
                    .Replace("\r", "\\r", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal);
                text.Append(quote).Append(quote == '\'' ? escaped.Replace("'", "\\'", StringComparison.Ordinal) : escaped).Append(quote);
                break;
            case BoolValue b:
                text.Append(b.Value ? "True" : "False");
                break;
            case NoneValue:
                text.Append("None");
                break;
            case IntValue i:
                text.Append(i.Value.ToString(CultureInfo.InvariantCulture));
                break;
            case FloatValue f:
                text.Append(Represent(f.Value));
                break;
            case ListValue list:
                text.Append(list.IsTuple ? '(' : '[');
                for (int i = 0; i < list.Items.Count; i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    Represent(list.Items[i], text, depth + 1);
                }

                text.Append(list is { IsTuple: true, Items.Count: 1 } ? "," : "").Append(list.IsTuple ? ')' : ']');
                break;
            case MapValue map:
                text.Append('{');
                for (int i = 0; i < map.Entries.Count; i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    Represent(new TextValue(map.Entries[i].Key), text, depth + 1);
                    text.Append(": ");
                    Represent(map.Entries[i].Value, text, depth + 1);
                }

                text.Append('}');
                break;
            case UndefinedValue:
                text.Append("Undefined");
                break;
            default:
                throw new TemplateError($"{value.Kind} cannot be printed");
        }
    }

    // By code point: surrogates would sort before U+E000 otherwise.
    private static int Compare(string left, string right)
    {
        int at = 0;
        while (at < left.Length && at < right.Length && left[at] == right[at])
        {
            at++;
        }

        if (at == left.Length || at == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        bool l = char.IsSurrogate(left[at]), r = char.IsSurrogate(right[at]);
        return l == r ? left[at].CompareTo(right[at]) : l ? 1 : -1;
    }

    private static int PairCount(string text)
    {
        int pairs = 0;
        for (int i = 0; i + 1 < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1]))
            {
                pairs++;
                i++;
            }
        }

        return pairs;
    }
}
