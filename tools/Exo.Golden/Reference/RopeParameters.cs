using System.Text.Json.Nodes;

namespace Exo.Golden.Reference;

/// <summary>Base and scaling of the rotary embedding.</summary>
internal sealed record RopeParameters(double Theta, string Scaling = "default", double Factor = 1, double LowFrequencyFactor = 1, double HighFrequencyFactor = 4, double OriginalContext = 8192)
{
    /// <summary>Reads <c>rope_theta</c> with <c>rope_scaling</c>, or the newer <c>rope_parameters</c> that holds both.</summary>
    public static RopeParameters Parse(JsonObject config)
    {
        var scaling = (config["rope_parameters"] ?? config["rope_scaling"]) as JsonObject;
        double theta = (double?)scaling?["rope_theta"] ?? (double?)config["rope_theta"] ?? 10000;
        string kind = (string?)(scaling?["rope_type"] ?? scaling?["type"]) ?? "default";
        return kind switch
        {
            "default" => new RopeParameters(theta),
            "linear" => new RopeParameters(theta, kind, (double)scaling!["factor"]!),
            "llama3" => new RopeParameters(
                theta,
                kind,
                (double)scaling!["factor"]!,
                (double)scaling["low_freq_factor"]!,
                (double)scaling["high_freq_factor"]!,
                (double)scaling["original_max_position_embeddings"]!),
            _ => throw new NotSupportedException($"rope scaling '{kind}'"),
        };
    }

    /// <summary>
    /// Angle per position of each pair of channels: θ^(−2i/d) for i = 0 … d/2 − 1 (Su et al., RoFormer, eq. 15), then scaled.
    /// Linear scaling divides all (position interpolation, Chen et al.). Llama 3.1 divides only the wavelengths longer than the
    /// original context, keeps the short ones, and mixes the two in between.
    /// </summary>
    public double[] Frequencies(int headDimension)
    {
        var frequencies = new double[headDimension / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Scale(Math.Pow(Theta, -2.0 * i / headDimension));
        }

        return frequencies;
    }

    private double Scale(double frequency)
    {
        if (Scaling == "linear")
        {
            return frequency / Factor;
        }

        if (Scaling != "llama3")
        {
            return frequency;
        }

        double turnsInContext = OriginalContext * frequency / (2 * Math.PI);
        double keep = Math.Clamp((turnsInContext - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
        return (keep * frequency) + ((1 - keep) * frequency / Factor);
    }
}
