namespace Exo.Sdk.Models;

/// <summary>How a weight's values are packed.</summary>
public enum QuantizationMode
{
    /// <summary>MLX affine: w = scale·q + bias, one scale and bias per group of inputs, q unsigned.</summary>
    Affine,
}

/// <summary>The quantisation of one weight.</summary>
/// <param name="Bits">Bits per value.</param>
/// <param name="GroupSize">Consecutive inputs that share one scale and bias.</param>
/// <param name="Mode">How values are packed.</param>
public sealed record QuantizationSpec(int Bits, int GroupSize, QuantizationMode Mode = QuantizationMode.Affine);
