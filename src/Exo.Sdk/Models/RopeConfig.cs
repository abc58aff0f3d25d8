using System.Text.Json;
using Exo.Sdk.Input;

namespace Exo.Sdk.Models;

/// <summary>
/// Reads rope from <c>config.json</c> in both forms: <c>rope_theta</c> beside <c>rope_scaling</c>, and transformers 5's
/// <c>rope_parameters</c>, which holds both.
/// </summary>
internal static class RopeConfig
{
    private static readonly string[] SupportedTypes = ["default", "linear", "llama3"];

    // Beyond it neighboring positions would share an angle in single precision anyway.
    private const int MaxContext = 1 << 30;

    public static RopeSpec Read(ConfigObject config, double defaultTheta)
    {
        ConfigObject? settings = config.OptionalObject("rope_parameters") ?? config.OptionalObject("rope_scaling");
        double theta = settings is { } own && own.Has("rope_theta") ? Theta(own) ?? defaultTheta : Theta(config) ?? defaultTheta;
        RequireFullRotation(config);
        return settings is { } scaling ? new RopeSpec(theta, ReadScaling(scaling)) : new RopeSpec(theta);
    }

    private static double? Theta(ConfigObject settings) => settings.OptionalReal("rope_theta", 1, 1e12);

    private static RopeScaling? ReadScaling(ConfigObject settings)
    {
        if (settings.Names.FirstOrDefault(name => settings.KindOf(name) == JsonValueKind.Object) is { } kind)
        {
            throw new UnsupportedModelException($"rope parameters of their own for layers of kind {HostileText.Quote(kind)}", ["the same for all layers"]);
        }

        RequireFullRotation(settings);
        string type = settings.OptionalText("rope_type") ?? settings.OptionalText("type") ?? "default";
        switch (type)
        {
            case "default":
                return null;
            case "linear":
                return new LinearRopeScaling(Factor(settings, "factor"));
            case "llama3":
                double low = Factor(settings, "low_freq_factor");
                double high = Factor(settings, "high_freq_factor");
                if (high <= low)
                {
                    throw settings.Error(
                        "high_freq_factor", "the value is out of range", FormattableString.Invariant($"more than low_freq_factor, {low}"), FormattableString.Invariant($"{high}"));
                }

                return new Llama3RopeScaling(
                    Factor(settings, "factor"), low, high, settings.Integer("original_max_position_embeddings", 1, MaxContext));
            default:
                throw new UnsupportedModelException($"rope type {HostileText.Quote(type)}", SupportedTypes);
        }
    }

    private static double Factor(ConfigObject settings, string name) => settings.Real(name, 1e-6, 1e6);

    private static void RequireFullRotation(ConfigObject settings)
    {
        if (settings.OptionalReal("partial_rotary_factor", 0, 1) is { } part and not 1)
        {
            throw new UnsupportedModelException(FormattableString.Invariant($"rope on a part of {part} of each head"), ["rope on whole heads"]);
        }
    }
}
