using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>
/// One over each rope frequency, which is the form MLX takes them in, computed in double precision. Frequencies: Su et al. 2021,
/// RoFormer; the llama3 scaling as published with Llama 3.1.
/// </summary>
internal static class RopePeriods
{
    internal static readonly string[] SupportedScalings = ["none", "linear", "llama3"];

    /// <summary>Computes them.</summary>
    /// <param name="rope">The kind of rope.</param>
    /// <param name="headSize">The elements per head.</param>
    /// <returns>Half as many as elements per head.</returns>
    /// <exception cref="UnsupportedModelException">The scaling is another.</exception>
    internal static float[] Compute(RopeSpec rope, int headSize)
    {
        float[] periods = new float[headSize / 2];
        for (int i = 0; i < periods.Length; i++)
        {
            periods[i] = (float)(1 / Scale(Math.Pow(rope.Theta, -2.0 * i / headSize), rope.Scaling));
        }

        return periods;
    }

    private static double Scale(double frequency, RopeScaling? scaling)
    {
        switch (scaling)
        {
            case null:
                return frequency;
            case LinearRopeScaling linear:
                return frequency / linear.Factor;
            case Llama3RopeScaling llama:
                double turns = llama.OriginalContextLength * frequency / (2 * Math.PI);
                double share = llama.HighFrequencyFactor > llama.LowFrequencyFactor
                    ? Math.Clamp((turns - llama.LowFrequencyFactor) / (llama.HighFrequencyFactor - llama.LowFrequencyFactor), 0, 1)
                    : turns < llama.LowFrequencyFactor ? 0 : 1;
                return ((1 - share) * frequency / llama.Factor) + (share * frequency);
            default:
                throw new UnsupportedModelException($"rope scaling {scaling.GetType().Name}", SupportedScalings);
        }
    }
}
