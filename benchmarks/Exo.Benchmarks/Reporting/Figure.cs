using System.Globalization;
using System.Text.Json.Serialization;

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
    /// <summary>Whether the target is an upper limit.</summary>
    [JsonIgnore]
    public bool IsUpperLimit { get; init; }

    public static Figure AtLeast(string name, double value, string unit, double target) => new(name, value, unit, target, value >= target);

    public static Figure AtMost(string name, double value, string unit, double target) =>
        new(name, value, unit, target, value <= target) { IsUpperLimit = true };

    public string TargetText => Target is { } target ? $"{(IsUpperLimit ? "≤" : "≥")} {Digits(target)}" : "";

    public string MetText => Met switch { true => "yes", false => "no", null => "" };

    /// <summary>Three significant digits or all before the point.</summary>
    public static string Digits(double value) => value.ToString(
        Math.Abs(value) >= 100 ? "F0" : Math.Abs(value) >= 10 ? "F1" : Math.Abs(value) >= 1 || value == 0 ? "F2" : "G3", CultureInfo.InvariantCulture);
}
