using System.Globalization;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>What operators, printing and comparison make of values: as Python does.</summary>
internal static class TemplateOperators
{
    /// <summary>A value as it is printed.</summary>
    public static TemplateText ToText(TemplateValue value, TemplateBudget budget)
    {
        switch (value)
        {
            case TextValue text:
                return text.Text;
            case UndefinedValue:
                return TemplateText.Empty;
            default:
                TemplateTextBuilder builder = new(budget);
                Represent(value, builder, depth: 0, budget);
                return builder.ToText(IsControl(value));
        }
    }

    /// <summary>Whether no part of a value came in with the messages.</summary>
    public static bool IsControl(TemplateValue value) => value switch
    {
        TextValue text => text.Text.IsControl,
        ListValue list => list.Items.All(IsControl),
        MapValue map => map.Entries.All(static e => IsControl(e.Key) && IsControl(e.Value)),
        _ => true,
    };

    /// <summary>What can be looped over.</summary>
    public static IReadOnlyList<TemplateValue> Items(TemplateValue value, TemplateBudget budget)
    {
        switch (value)
        {
            case ListValue list:
                return list.Items;
            case IteratorValue iterator:
                return iterator.Take();
            case MapValue map:
                budget.SpendItems(map.Entries.Count, bytesEach: 8);
                return [.. map.Entries.Select(static e => e.Key)];
            case TextValue { Text.Length: > TemplateBudget.MaxParts / 4 }:
                throw new TemplateError("a string is too long to be taken apart");
            case TextValue text:
                return Characters(text.Text, budget);
            case UndefinedValue:
                return [];
            default:
                throw new TemplateError($"{value.Kind} cannot be looped over");
        }
    }

    private static List<TemplateValue> Characters(TemplateText text, TemplateBudget budget)
    {
        budget.SpendItems(text.Length, bytesEach: 56);
        List<TemplateValue> characters = new(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int length = char.IsHighSurrogate(text.Value[at]) && at + 1 < text.Length && char.IsLowSurrogate(text.Value[at + 1]) ? 2 : 1;
            characters.Add(new TextValue(text.Slice(at, length, budget)));
            at += length;
        }

        return characters;
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
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    /// <param name="budget">What each part compared is spent from; null where their size was spent before.</param>
    public static bool AreEqual(TemplateValue left, TemplateValue right, TemplateBudget? budget = null)
    {
        budget?.Spend(1);
        switch (left, right)
        {
            case (TextValue l, TextValue r):
                budget?.Spend(l.Value.Length == r.Value.Length ? l.Value.Length / 8 : 0);
                return l.Value == r.Value;
            case (NoneValue, NoneValue) or (UndefinedValue, UndefinedValue):
                return true;
            case (ListValue l, ListValue r):
                if (l.IsTuple != r.IsTuple || l.Items.Count != r.Items.Count)
                {
                    return false;
                }

                for (int i = 0; i < l.Items.Count; i++)
                {
                    if (!AreEqual(l.Items[i], r.Items[i], budget))
                    {
                        return false;
                    }
                }

                return true;
            case (MapValue l, MapValue r):
                return AreEqualMaps(l, r, budget ?? new());
            default:
                return AreEqualNumbers(left, right) ?? ReferenceEquals(left, right);
        }
    }

    private static bool AreEqualMaps(MapValue left, MapValue right, TemplateBudget budget) => left.Entries.Count == right.Entries.Count
        && left.Entries.All(e => right.Find(e.Key, budget) is { } other && AreEqual(e.Value, other, budget));

    // Exactly, as in Python: a float beyond 2^53 is not equal to an integer that only rounds to it.
    private static bool? AreEqualNumbers(TemplateValue left, TemplateValue right)
    {
        if (TemplateArithmetic.Whole(left) is { } l && TemplateArithmetic.Whole(right) is { } r)
        {
            return l == r;
        }

        return (left, right) switch
        {
            (FloatValue x, FloatValue y) => x.Value == y.Value,
            (FloatValue x, _) when TemplateArithmetic.Whole(right) is { } whole => TemplateArithmetic.AsWhole(x.Value) == whole,
            (_, FloatValue y) when TemplateArithmetic.Whole(left) is { } whole => TemplateArithmetic.AsWhole(y.Value) == whole,
            _ => null,
        };
    }

    /// <summary>The order of two numbers, texts or lists.</summary>
    public static int Order(TemplateValue left, TemplateValue right, TemplateBudget budget)
    {
        budget.Spend(1);
        if (TemplateArithmetic.Whole(left) is { } m && TemplateArithmetic.Whole(right) is { } n)
        {
            return m.CompareTo(n);
        }

        switch (left, right)
        {
            case (FloatValue a, FloatValue b):
                return a.Value.CompareTo(b.Value);
            case (FloatValue a, _) when TemplateArithmetic.Whole(right) is { } whole:
                return -TemplateArithmetic.Compare(whole, a.Value);
            case (_, FloatValue b) when TemplateArithmetic.Whole(left) is { } whole:
                return TemplateArithmetic.Compare(whole, b.Value);
            case (TextValue a, TextValue b):
                budget.Spend(Math.Min(a.Value.Length, b.Value.Length) / 8);
                return Compare(a.Value, b.Value);
            case (ListValue a, ListValue b):
                for (int i = 0; i < Math.Min(a.Items.Count, b.Items.Count); i++)
                {
                    if (!AreEqual(a.Items[i], b.Items[i], budget))
                    {
                        return Order(a.Items[i], b.Items[i], budget);
                    }
                }

                return a.Items.Count.CompareTo(b.Items.Count);
            default:
                throw new TemplateError($"{left.Kind} and {right.Kind} have no order");
        }
    }

    /// <summary>Whether <paramref name="container"/> holds <paramref name="item"/>.</summary>
    public static bool Contains(TemplateValue container, TemplateValue item, TemplateBudget budget) => container switch
    {
        TextValue text => item is TextValue part
            ? IndexOf(text.Value, part.Value, budget) >= 0
            : throw new TemplateError($"{item.Kind} cannot be in a string"),
        MapValue map => map.Find(item, budget) is not null,
        ListValue list => list.Items.Any(i => AreEqual(i, item, budget)),
        IteratorValue iterator => iterator.Take().Any(i => AreEqual(i, item, budget)),
        NamespaceValue space => item is TextValue key && space.Find(key.Value, budget) is not null,
        UndefinedValue => false,
        _ => throw new TemplateError($"{container.Kind} contains nothing"),
    };

    /// <summary>The first place of a text in another, or -1.</summary>
    public static int IndexOf(string text, string part, TemplateBudget budget)
    {
        budget.SpendSearch(text.Length, part.Length);
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

    // As Python's repr writes it, a text on its own without quotes.
    private static void Represent(TemplateValue value, TemplateTextBuilder text, int depth, TemplateBudget budget)
    {
        switch (value)
        {
            case TextValue t when depth == 0:
                text.Append(t.Text);
                break;
            case TextValue t:
                Quote(t.Value, text, budget);
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
                    Represent(list.Items[i], text, depth + 1, budget);
                }

                text.Append(list is { IsTuple: true, Items.Count: 1 } ? "," : "");
                text.Append(list.IsTuple ? ')' : ']');
                break;
            case MapValue map:
                text.Append('{');
                for (int i = 0; i < map.Entries.Count; i++)
                {
                    text.Append(i > 0 ? ", " : "");
                    Represent(map.Entries[i].Key, text, depth + 1, budget);
                    text.Append(": ");
                    Represent(map.Entries[i].Value, text, depth + 1, budget);
                }

                text.Append('}');
                break;
            case IteratorValue:
                text.Append("<generator object>");
                break;
            case UndefinedValue:
                text.Append("Undefined");
                break;
            default:
                throw new TemplateError($"{value.Kind} cannot be printed");
        }
    }

    private static void Quote(string text, TemplateTextBuilder to, TemplateBudget budget)
    {
        budget.SpendText(text.Length);
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        to.Append(quote);
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            string? escape = text[i] switch
            {
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\'' when quote == '\'' => "\\'",
                _ => null,
            };
            if (escape is not null)
            {
                to.Append(text.AsSpan(start, i - start));
                to.Append(escape);
                start = i + 1;
            }
        }

        to.Append(text.AsSpan(start));
        to.Append(quote);
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

    /// <summary>How many characters take two UTF-16 units.</summary>
    public static int PairCount(ReadOnlySpan<char> text)
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
