using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>JSON in and out of templates.</summary>
internal static class TemplateJson
{
    private const int MaxDepth = 64;

    /// <summary>A value out of JSON; its texts are foreign.</summary>
    public static TemplateValue Read(JsonElement json, int depth = 0)
    {
        if (depth > MaxDepth)
        {
            throw new TemplateError($"JSON nested deeper than {MaxDepth}");
        }

        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                try
                {
                    return new TextValue(TemplateText.Foreign(json.GetString()!));
                }
                catch (InvalidOperationException)
                {
                    throw new TemplateError("a text of the JSON is not Unicode");
                }

            case JsonValueKind.True or JsonValueKind.False:
                return BoolValue.Of(json.GetBoolean());
            case JsonValueKind.Number:
                return json.TryGetInt64(out long whole) ? new IntValue(whole) : new FloatValue(json.GetDouble());
            case JsonValueKind.Array:
                return new ListValue([.. json.EnumerateArray().Select(i => Read(i, depth + 1))]);
            case JsonValueKind.Object:
                MapValue map = new();
                foreach (JsonProperty member in json.EnumerateObject())
                {
                    map.Set(TemplateText.Foreign(member.Name), Read(member.Value, depth + 1));
                }

                return map;
            default:
                return NoneValue.Instance;
        }
    }

    /// <summary>
    /// The <c>tojson</c> of chat templates: Python's <c>json.dumps</c> with <c>ensure_ascii=False</c>. The text is foreign if
    /// any part of the value is.
    /// </summary>
    public static TextValue Write(TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        // As the reference: tojson(ensure_ascii, indent, separators, sort_keys).
        bool ascii = a.IsTrue(0, "ensure_ascii");
        int? indent = a.Find(1, "indent") is null or NoneValue ? null : (int)Math.Clamp(a.Int(1, "indent", 0), 0, 64);
        (string item, string key) = (indent is null ? ", " : ",", ": ");
        if (a.Find(2, "separators") is ListValue { Items: [TextValue between, TextValue after] })
        {
            (item, key) = (between.Value, after.Value);
        }

        Writer writer = new(ascii, indent, item, key, a.IsTrue(3, "sort_keys"), limits);
        writer.Write(value, 0);
        return new(TemplateText.Of(writer.Text, TemplateOperators.IsControl(value)));
    }

    private sealed class Writer(bool ascii, int? indent, string itemSeparator, string keySeparator, bool sortKeys, TemplateLimits limits)
    {
        private readonly StringBuilder _text = new();

        public string Text => _text.ToString();

        public void Write(TemplateValue value, int depth)
        {
            if (depth > MaxDepth)
            {
                throw new TemplateError($"a value nested deeper than {MaxDepth}");
            }

            limits.Spend(1);
            switch (value)
            {
                case TextValue text:
                    limits.SpendText((long)_text.Length + text.Text.Length);
                    WriteText(text.Value);
                    break;
                case BoolValue flag:
                    _text.Append(flag.Value ? "true" : "false");
                    break;
                case NoneValue:
                    _text.Append("null");
                    break;
                case IntValue number:
                    _text.Append(number.Value.ToString(CultureInfo.InvariantCulture));
                    break;
                case FloatValue number:
                    _text.Append(double.IsFinite(number.Value) ? TemplateOperators.Represent(number.Value) : double.IsNaN(number.Value) ? "NaN" : number.Value > 0 ? "Infinity" : "-Infinity");
                    break;
                case ListValue list:
                    WriteItems('[', ']', list.Items, depth, i => Write(i, depth + 1));
                    break;
                case MapValue map:
                    IEnumerable<(TemplateText Key, TemplateValue Value)> entries = map.Entries;
                    entries = sortKeys ? entries.OrderBy(static e => e.Key.Value, StringComparer.Ordinal) : entries;
                    WriteItems('{', '}', [.. entries], depth, e =>
                    {
                        WriteText(e.Key.Value);
                        _text.Append(keySeparator);
                        Write(e.Value, depth + 1);
                    });
                    break;
                default:
                    throw new TemplateError($"{value.Kind} cannot be written as JSON");
            }
        }

        private void WriteItems<T>(char open, char close, IReadOnlyList<T> items, int depth, Action<T> write)
        {
            _text.Append(open);
            for (int i = 0; i < items.Count; i++)
            {
                _text.Append(i > 0 ? itemSeparator : "");
                NewLine(depth + 1);
                write(items[i]);
            }

            if (items.Count > 0)
            {
                NewLine(depth);
            }

            _text.Append(close);
        }

        private void NewLine(int depth)
        {
            if (indent is { } width)
            {
                _text.Append('\n').Append(' ', width * depth);
            }
        }

        private void WriteText(string text)
        {
            _text.Append('"');
            foreach (char c in text)
            {
                string? escape = c switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '\b' => "\\b",
                    '\f' => "\\f",
                    < ' ' => $"\\u{(int)c:x4}",
                    > '~' when ascii => $"\\u{(int)c:x4}",
                    _ => null,
                };
                if (escape is null)
                {
                    _text.Append(c);
                }
                else
                {
                    _text.Append(escape);
                }
            }

            _text.Append('"');
        }
    }
}
