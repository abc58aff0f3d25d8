using System.Globalization;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The filters behind <c>|</c>.</summary>
internal static class TemplateFilters
{
    private static readonly string[] Supported =
    [
        "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "indent", "int", "items", "join", "last", "length", "list",
        "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "sort", "string",
        "sum", "title", "tojson", "trim", "unique", "upper", "wordcount",
    ];

    /// <summary>Applies a filter.</summary>
    public static TemplateValue Apply(string name, TemplateValue value, TemplateArguments a, TemplateLimits limits)
    {
        limits.Spend(value.Size);

        switch (name)
        {
            case "trim":
                TemplateText text = Text(value);
                string? trimmed = a.OptionalText(0, "chars")?.Value;
                limits.SpendSearch(text.Length, trimmed?.Length ?? 0);
                return new TextValue(text.Trim(trimmed));
            case "tojson":
                return TemplateJson.Write(value, a, limits);
            case "length" or "count":
                return new IntValue(TemplateOperators.Length(value));
            case "upper":
                return new TextValue(Text(value).Map(TemplateMethods.Upper));
            case "lower":
                return new TextValue(Text(value).Map(Unicode.LetterCase.Lower));
            case "capitalize":
                return new TextValue(Text(value).Map(TemplateMethods.Capitalize));
            case "title":
                return new TextValue(Text(value).Map(TemplateMethods.Title));
            case "string":
                return new TextValue(Text(value));
            case "safe":
                return value;
            case "default" or "d":
                return value is UndefinedValue || (a.IsTrue(1, "boolean") && !value.IsTrue) ? a.Find(0, "default_value") ?? new TextValue("") : value;
            case "join":
                return Join(Mapped(value, a.Find(1, "attribute"), limits), a.OptionalText(0, "d") ?? TemplateText.Empty, limits);
            case "replace":
                return TemplateMethods.Replace(Text(value), a.Text(0, "old"), a.Text(1, "new"), a.Int(2, "count", -1), limits);
            case "indent":
                return Indent(Text(value), a, limits);
            case "int":
                return ToInt(value, a);
            case "float":
                return ToFloat(value, a);
            case "abs":
                return value is IntValue { Value: not long.MinValue } i ? new IntValue(Math.Abs(i.Value))
                    : TemplateOperators.TryNumber(value, out double number) ? new FloatValue(Math.Abs(number))
                    : throw new TemplateError($"{value.Kind} is no number");
            case "round":
                return Round(value, a);
            case "wordcount":
                return new IntValue(Text(value).Value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length);
            default:
                return TemplateListFilters.Apply(name, value, a, limits)
                    ?? throw new TemplateError($"the filter '{name}' is not supported; supported are {string.Join(", ", Supported)}");
        }
    }

    /// <summary>The items of a value with a text between them.</summary>
    public static TextValue Join(TemplateValue value, TemplateText separator, TemplateLimits limits)
    {
        List<TemplateText> parts = [];
        long length = 0;
        foreach (TemplateValue item in TemplateOperators.Items(value))
        {
            if (parts.Count > 0)
            {
                parts.Add(separator);
                length += separator.Length;
            }

            TemplateText text = TemplateOperators.ToText(item);
            parts.Add(text);
            length += text.Length;
            limits.SpendText(length / Math.Max(parts.Count, 1));
        }

        limits.SpendText(length);
        return new(TemplateText.Concat(parts));
    }

    private static TemplateText Text(TemplateValue value) => TemplateOperators.ToText(value);

    private static TemplateValue Mapped(TemplateValue value, TemplateValue? attribute, TemplateLimits limits) =>
        attribute is null or NoneValue ? value : new ListValue([.. TemplateOperators.Items(value).Select(i => TemplateListFilters.Attribute(i, attribute, limits))]);

    private static TextValue Indent(TemplateText text, TemplateArguments a, TemplateLimits limits)
    {
        TemplateText indent = a.Find(0, "width") is TextValue given ? given.Text
            : TemplateText.Control(new string(' ', (int)Math.Clamp(a.Int(0, "width", 4), 0, 1024)));
        bool first = a.IsTrue(1, "first"), blank = a.IsTrue(2, "blank");
        List<TemplateText> parts = [];
        int at = 0;
        long length = 0;
        for (bool isFirst = true; ; isFirst = false)
        {
            int end = text.Value.IndexOf('\n', at);
            int stop = end < 0 ? text.Length : end + 1;
            bool isBlank = stop - at == (end < 0 ? 0 : 1);
            if ((isFirst ? first : true) && (blank || !isBlank))
            {
                parts.Add(indent);
                length += indent.Length;
            }

            parts.Add(text.Range(at, stop));
            length += stop - at;
            if (end < 0)
            {
                limits.SpendText(length);
                return new(TemplateText.Concat(parts));
            }

            at = stop;
        }
    }

    private static IntValue ToInt(TemplateValue value, TemplateArguments a)
    {
        long? number = value switch
        {
            IntValue i => i.Value,
            BoolValue b => b.Value ? 1 : 0,
            FloatValue f when Math.Abs(f.Value) < 9e18 => (long)f.Value,
            TextValue t when long.TryParse(t.Value.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long parsed) => parsed,
            TextValue t when double.TryParse(t.Value.Trim(), CultureInfo.InvariantCulture, out double parsed) && Math.Abs(parsed) < 9e18 => (long)parsed,
            _ => null,
        };
        return new(number ?? a.Int(0, "default", 0));
    }

    private static TemplateValue ToFloat(TemplateValue value, TemplateArguments a) =>
        TemplateOperators.TryNumber(value, out double number) ? new FloatValue(number)
        : value is TextValue text && double.TryParse(text.Value.Trim(), CultureInfo.InvariantCulture, out double parsed) ? new FloatValue(parsed)
        : a.Find(0, "default") ?? new FloatValue(0);

    private static FloatValue Round(TemplateValue value, TemplateArguments a)
    {
        if (!TemplateOperators.TryNumber(value, out double number))
        {
            throw new TemplateError($"{value.Kind} is no number");
        }

        double scale = Math.Pow(10, Math.Clamp(a.Int(0, "precision", 0), 0, 15));
        string method = a.OptionalText(1, "method")?.Value ?? "common";
        double scaled = number * scale;
        return new(method switch
        {
            "common" => Math.Round(scaled, MidpointRounding.ToEven) / scale,
            "ceil" => Math.Ceiling(scaled) / scale,
            "floor" => Math.Floor(scaled) / scale,
            _ => throw new TemplateError($"the rounding '{method}' is none of common, ceil, floor"),
        });
    }
}
