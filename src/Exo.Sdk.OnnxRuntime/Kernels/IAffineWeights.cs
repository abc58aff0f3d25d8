namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>The parts of a matrix in MLX's affine packing, for a product that is not computed here.</summary>
internal interface IAffineWeights
{
    /// <summary>Bits per value.</summary>
    int Bits { get; }

    /// <summary>Consecutive inputs that share a scale and a bias.</summary>
    int GroupSize { get; }

    /// <summary>The packed values <c>[outputs, inputs·bits/8]</c> bytes, the first in the lowest bits.</summary>
    nint Words { get; }

    /// <summary>Copies a row's scales and biases.</summary>
    /// <param name="row">The row.</param>
    /// <param name="rowScales">One per group.</param>
    /// <param name="rowBiases">One per group.</param>
    void ReadGroups(int row, Span<float> rowScales, Span<float> rowBiases);
}
