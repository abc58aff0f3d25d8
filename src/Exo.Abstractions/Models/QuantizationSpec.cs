namespace Exo.Sdk.Models;

/// <summary>How a weight's values are packed.</summary>
public enum QuantizationMode
{
    /// <summary>MLX affine: w = scale·q + bias, one scale and bias per group of inputs, q unsigned.</summary>
    Affine,

    /// <summary>
    /// OCP MXFP4: w = 2^(scale − 127)·q. Groups of 32 share one scale byte (E8M0); q is an E2M1 number of 4 bits: bit 3 is the sign, the
    /// others stand for 0, 0.5, 1, 1.5, 2, 3, 4, 6. There are no group biases.
    /// </summary>
    Mxfp4,

    /// <summary>
    /// NVFP4: w = scale·q. Groups of 16 share one scale byte, an E4M3 number (4 bits of exponent with bias 7, 3 of fraction); q is an E2M1
    /// number of 4 bits as in <see cref="Mxfp4"/>. There are no group biases.
    /// </summary>
    Nvfp4,

    /// <summary>
    /// OCP MXFP8: w = 2^(scale − 127)·q. Groups of 32 share one scale byte (E8M0); q is an E4M3 number of 8 bits. There are no group biases.
    /// </summary>
    Mxfp8,
}

/// <summary>
/// The quantisation of one weight. Whatever the mode, a row of q is one stream of bits, lowest first, in little-endian words of 32 bits.
/// </summary>
/// <param name="Bits">Bits per value.</param>
/// <param name="GroupSize">Consecutive inputs that share one scale, and one bias where the mode has biases.</param>
/// <param name="Mode">How values are packed.</param>
public sealed record QuantizationSpec(int Bits, int GroupSize, QuantizationMode Mode = QuantizationMode.Affine)
{
    /// <summary>
    /// Whether a scale and a bias are stored for every group, as numbers of the matrix's <see cref="LinearSpec.StoredType"/>; otherwise the
    /// scale is one byte and there is no bias.
    /// </summary>
    public bool HasGroupBiases => Mode == QuantizationMode.Affine;
}
