using System.Globalization;

namespace Exo.Sdk.Tokenization.Jinja;

/// <summary>The filters that make numbers.</summary>
internal static class TemplateNumberFilters
{
    /// <summary>Adds them.</summary>
    public static void AddTo(TemplateOperations all)
    {
        all.Walk(static (v, _, _) => new IntValue(TemplateOperators.Length(v)), "length", "count");
        all.Walk(static (v, a, _) => ToInt(v, a), "int");
        all.Walk(static (v, a, _) => ToFloat(v, a), "float");
        all.Glance(static (v, _, _) => Absolute(v), "abs");
        all.Glance(static (v, a, _) => Round(v, a), "round");
    }

    private static TemplateValue Absolute(TemplateValue value) => value is IntValue { Value: not long.MinValue } i ? new IntValue(Math.Abs(i.Value))
        : TemplateOperators.TryNumber(value, out double number) ? new FloatValue(Math.Abs(number))
        : throw new TemplateError($"{value.Kind} is no number");

    private static IntValue ToInt(TemplateValue value, TemplateArguments a)
    {
        long? number = value switch
        {
            IntValue i => i.Value,
            BoolValue b => b.Value ? 1 : 0,
            FloatValue f when Math.Abs(f.Value) < 9e18 => (long)f.Value,
            TextValue t when long.TryParse(t.Value.AsSpan().Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long parsed) => parsed,
            TextValue t when double.TryParse(t.Value.AsSpan().Trim(), CultureInfo.InvariantCulture, out double parsed) && Math.Abs(parsed) < 9e18 => (long)parsed,
            _ => null,
        };
        return new(number ?? a.Int(0, "default", 0));
    }

    private static TemplateValue ToFloat(TemplateValue value, TemplateArguments a) =>
        TemplateOperators.TryNumber(value, out double number) ? new FloatValue(number)
        : value is TextValue text && double.TryParse(text.Value.AsSpan().Trim(), CultureInfo.InvariantCulture, out double parsed) ? new FloatValue(parsed)
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
