using Exo.Sdk.Backends;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>One over each rope frequency, which is the form MLX takes them in.</summary>
internal static class RopePeriods
{
    /// <summary>Computes them.</summary>
    /// <param name="rope">The kind of rope.</param>
    /// <param name="headSize">The elements per head.</param>
    /// <returns>Half as many as elements per head.</returns>
    /// <exception cref="UnsupportedModelException">The scaling is another.</exception>
    internal static float[] Compute(RopeSpec rope, int headSize) =>
        Array.ConvertAll(RopeFrequencies.Of(rope, headSize), static frequency => (float)(1 / frequency));
}
