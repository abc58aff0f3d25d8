using Exo.Sdk.Models;

namespace Exo.Sdk.OnnxRuntime.Graph;

/// <summary>
/// Cosines and sines of every position's rotation angles, <c>[positions, Width]</c> each, computed in double precision.
/// Frequencies: Su et al. 2021, RoFormer; the llama3 scaling as published with Llama 3.1.
/// </summary>
internal sealed record RopeTable(float[] Cosines, float[] Sines, int Width)
{
    /// <summary>Computes the table.</summary>
    /// <param name="rope">The kind of rope.</param>
    /// <param name="headSize">The elements per head.</param>
    /// <param name="paddedSize">The elements per head that the table is for; those behind <paramref name="headSize"/> are not rotated.</param>
    /// <param name="positions">Positions from 0 on.</param>
    /// <returns>The table.</returns>
    internal static RopeTable Create(RopeSpec rope, int headSize, int paddedSize, int positions)
    {
        int half = paddedSize / 2;
        float[] cosines = new float[checked(positions * half)];
        float[] sines = new float[cosines.Length];
        for (int i = 0; i < half; i++)
        {
            double frequency = 2 * i < headSize ? Scale(Math.Pow(rope.Theta, -2.0 * i / headSize), rope.Scaling) : 0;
            for (int position = 0; position < positions; position++)
            {
                (double sine, double cosine) = Math.SinCos(position * frequency);
                cosines[(position * half) + i] = (float)cosine;
                sines[(position * half) + i] = (float)sine;
            }
        }

        return new RopeTable(cosines, sines, half);
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
                throw new UnsupportedModelException($"rope scaling {scaling.GetType().Name}", ["none", "linear", "llama3"]);
        }
    }
}
