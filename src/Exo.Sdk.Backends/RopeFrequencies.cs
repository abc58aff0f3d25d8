using Exo.Sdk.Models;

namespace Exo.Sdk.Backends;

/// <summary>
/// The frequencies of a <see cref="RopeSpec"/>, in double precision. Su et al. 2021, RoFormer; the llama3 scaling as published with Llama 3.1.
/// </summary>
public static class RopeFrequencies
{
    private static readonly string[] Supported = ["none", "linear", "llama3"];

    /// <summary>Computes them.</summary>
    /// <param name="rope">The kind of rope.</param>
    /// <param name="headSize">The elements per head.</param>
    /// <returns>Angle per position of elements i and i + headSize/2, half as many as elements per head.</returns>
    /// <exception cref="UnsupportedModelException">The scaling is another.</exception>
    public static double[] Of(RopeSpec rope, int headSize)
    {
        ArgumentNullException.ThrowIfNull(rope);
        double[] frequencies = new double[headSize / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Scale(Math.Pow(rope.Theta, -2.0 * i / headSize), rope.Scaling);
        }

        return frequencies;
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
                throw new UnsupportedModelException($"rope scaling {scaling.GetType().Name}", Supported);
        }
    }
}
