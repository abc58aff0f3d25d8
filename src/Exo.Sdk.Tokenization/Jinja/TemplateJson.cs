using System.Globalization;
using System.Text.Json;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>JSON in and out of templates.</summary>
internal static class TemplateJson
{
    private const int MaxDepth = 64;

    /// <summary>A value out of JSON; its texts are foreign.</summary>
    public static TemplateValue Read(JsonElement json, TemplateBudget budget, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw new TemplateError($"JSON nested deeper than {MaxDepth}");
        }

        budget.Step();
        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                return Text(static j => j.GetString()!, json, budget);
            case JsonValueKind.True or JsonValueKind.False:
                return BoolValue.Of(json.GetBoolean());
            case JsonValueKind.Number:
                return json.TryGetInt64(out long whole) ? new IntValue(whole) : new FloatValue(json.GetDouble());
            case JsonValueKind.Array:
                budget.SpendItems(json.GetArrayLength(), bytesEach: 16);
                return new ListValue([.. json.EnumerateArray().Select(i => Read(i, budget, depth + 1))]);
            case JsonValueKind.Object:
                MapValue map = new();
                foreach (JsonProperty member in json.EnumerateObject())
                {
                    map.Set(Text(static m => m.Name, member, budget), Read(member.Value, budget, depth + 1), budget);
                }

                return map;
            default:
                return NoneValue.Instance;
        }
    }

    private static TextValue Text<T>(Func<T, string> read, T from, TemplateBudget budget)
    {
        try
        {
            string text = read(from);
            budget.SpendText(text.Length);
            return new TextValue(TemplateText.Foreign(text));
        }
        catch (InvalidOperationException)
        {
            throw new TemplateError("a text of the JSON is not Unicode");
        }
    }

    /// <summary>
    /// The <c>tojson</c> of chat templates: Python's <c>json.dumps</c> with <c>ensure_ascii=False</c>. The text is foreign if
    /// any part of the value is.
    /// </summary>
    public static TextValue Write(TemplateValue value, TemplateArguments a, TemplateBudget budget)
    {
        // As the reference: tojson(ensure_ascii, indent, separators, sort_keys).
        bool ascii = a.IsTrue(0, "ensure_ascii");
        string? indent = a.Find(1, "indent") switch
        {
            null or NoneValue => null,
            TextValue text => text.Value,
            _ => new string(' ', (int)Math.Clamp(a.Int(1, "indent", 0), 0, 64)),
        };
        (string item, string key) = (indent is null ? ", " : ",", ": ");
        if (a.Find(2, "separators") is ListValue { Items: [TextValue between, TextValue after] })
        {
            (item, key) = (between.Value, after.Value);
        }

        Writer writer = new(ascii, indent, item, key, a.IsTrue(3, "sort_keys"), budget);
        writer.Write(value, 0);
        return new(writer.Text.ToText(TemplateOperators.IsControl(value)));
    }

    private sealed class Writer(bool ascii, string? indent, string itemSeparator, string keySeparator, bool sortKeys, TemplateBudget budget)
    {
        public TemplateTextBuilder Text { get; } = new(budget);

        public void Write(TemplateValue value, int depth)
        {
            if (depth > MaxDepth)
            {
                throw new TemplateError($"a value nested deeper than {MaxDepth}");
            }

            switch (value)
            {
                case TextValue text:
                    WriteText(text.Value);
                    break;
                case BoolValue or NoneValue or IntValue or FloatValue:
                    Text.Append(Scalar(value)!);
                    break;
                case ListValue list:
                    WriteItems('[', ']', list.Items, depth, i => Write(i, depth + 1));
                    break;
                case MapValue map:
                    WriteItems('{', '}', sortKeys ? Sorted(map) : map.Entries, depth, e =>
                    {
                        WriteText(e.Key is TextValue name ? name.Value : Scalar(e.Key) ?? throw new TemplateError($"a key of JSON is {e.Key.Kind}"));
                        Text.Append(keySeparator);
                        Write(e.Value, depth + 1);
                    });
                    break;
                default:
                    throw new TemplateError($"{value.Kind} cannot be written as JSON");
            }
        }

        private static string? Scalar(TemplateValue value) => value switch
        {
            BoolValue flag => flag.Value ? "true" : "false",
            NoneValue => "null",
            IntValue number => number.Value.ToString(CultureInfo.InvariantCulture),
            FloatValue { Value: var number } => double.IsFinite(number) ? TemplateOperators.Represent(number) : double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity",
            _ => null,
        };

        private List<(TemplateValue Key, TemplateValue Value)> Sorted(MapValue map)
        {
            budget.SpendItems(map.Entries.Count, bytesEach: 96);
            Comparer<TemplateValue> order = Comparer<TemplateValue>.Create((x, y) => TemplateOperators.Order(x, y, budget));
            try
            {
                return [.. map.Entries.OrderBy(static e => e.Key, order)];
            }
            catch (InvalidOperationException e) when (e.InnerException is TemplateError error)
            {
                throw error;
            }
        }

        private void WriteItems<T>(char open, char close, IReadOnlyList<T> items, int depth, Action<T> write)
        {
            Text.Append(open);
            for (int i = 0; i < items.Count; i++)
            {
                Text.Append(i > 0 ? itemSeparator : "");
                NewLine(depth + 1);
                write(items[i]);
            }

            if (items.Count > 0)
            {
                NewLine(depth);
            }

            Text.Append(close);
        }

        private void NewLine(int depth)
        {
            if (indent is null)
            {
                return;
            }

            Text.Append('\n');
            for (; depth > 0; depth--)
            {
                Text.Append(indent);
            }
        }

        private void WriteText(string text)
        {
            Text.Append('"');
            int start = 0;
            for (int i = 0; i < text.Length; i++)
            {
                char c = text[i];
                string? escape = c switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '\b' => "\\b",
                    '\f' => "\\f",
                    < ' ' => Escaped(c),
                    > '~' when ascii => Escaped(c),
                    _ => null,
                };
                if (escape is not null)
                {
                    Text.Append(text.AsSpan(start, i - start));
                    Text.Append(escape);
                    start = i + 1;
                }
            }

            Text.Append(text.AsSpan(start));
            Text.Append('"');
        }

        private string Escaped(char c)
        {
            budget.Step();
            return string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
    }
}
