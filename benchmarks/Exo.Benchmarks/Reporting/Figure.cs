using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Exo.Benchmarks.Measurement;

namespace Exo.Benchmarks.Reporting;

/// <summary>One figure of a report.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Target">What it is to reach, or null where it stands for itself.</param>
/// <param name="Met">Whether it does; null without a target.</param>
internal sealed record Figure(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("value")] double Value,
    [property: JsonPropertyName("unit")] string Unit,
    [property: JsonPropertyName("target")] double? Target = null,
    [property: JsonPropertyName("met")] bool? Met = null)
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Whether the target is an upper limit.</summary>
    [JsonIgnore]
    public bool IsUpperLimit { get; init; }

    /// <summary>The lowest and highest round, where there were several.</summary>
    [JsonIgnore]
    public (double Low, double High)? Spread { get; init; }

    public static Figure Of(string name, Samples samples, string unit) =>
        new(name, samples.Median, unit) { Spread = samples.Count > 1 ? (samples.Low, samples.High) : null };

    public static Figure AtLeast(string name, double value, string unit, double target) => new(name, value, unit, target, value >= target);

    public static Figure AtMost(string name, double value, string unit, double target) =>
        new(name, value, unit, target, value <= target) { IsUpperLimit = true };

    public static Figure AtLeast(string name, Samples samples, string unit, double target) =>
        Of(name, samples, unit) with { Target = target, Met = samples.Median >= target };

    public static Figure AtMost(string name, Samples samples, string unit, double target) =>
        Of(name, samples, unit) with { Target = target, Met = samples.Median <= target, IsUpperLimit = true };

    /// <summary>An array of {name, value, unit, target, met}.</summary>
    public static string ToJson(IReadOnlyList<Figure> figures) => JsonSerializer.Serialize(figures, Indented) + "\n";

    [JsonIgnore]
    public string TargetText => Target is { } target ? $"{(IsUpperLimit ? "≤" : "≥")} {Digits(target)}" : "";

    [JsonIgnore]
    public string MetText => Met switch { true => "yes", false => "**no**", null => "" };

    [JsonIgnore]
    public string SpreadText => Spread is { } spread ? $"{Digits(spread.Low)}–{Digits(spread.High)}" : "";

    /// <summary>Three significant digits or all before the point.</summary>
    public static string Digits(double value) => value.ToString(
        Math.Abs(value) >= 100 ? "F0" : Math.Abs(value) >= 10 ? "F1" : Math.Abs(value) >= 1 || value == 0 ? "F2" : "G3", CultureInfo.InvariantCulture);
}
