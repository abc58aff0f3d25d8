using Exo.Sdk.Backends;
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
        double[] frequencies = RopeFrequencies.Of(rope, headSize);
        float[] cosines = new float[checked(positions * half)];
        float[] sines = new float[cosines.Length];
        for (int i = 0; i < half; i++)
        {
            double frequency = i < frequencies.Length ? frequencies[i] : 0;
            for (int position = 0; position < positions; position++)
            {
                (double sine, double cosine) = Math.SinCos(position * frequency);
                cosines[(position * half) + i] = (float)cosine;
                sines[(position * half) + i] = (float)sine;
            }
        }

        return new RopeTable(cosines, sines, half);
    }
}
