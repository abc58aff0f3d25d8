namespace Exo.Sdk.Models;

/// <summary>The quantization of one weight.</summary>
/// <param name="Bits">Bits per value.</param>
/// <param name="GroupSize">Consecutive inputs that share one scale, and one bias where the format has biases.</param>
/// <param name="Format">How values are packed.</param>
public sealed record QuantizationSpec(int Bits, int GroupSize, QuantizationFormat Format)
{
    /// <summary>A weight in MLX's affine format.</summary>
    /// <param name="bits">Bits per value.</param>
    /// <param name="groupSize">Consecutive inputs that share one scale and one bias.</param>
    public QuantizationSpec(int bits, int groupSize)
        : this(bits, groupSize, QuantizationFormat.Affine)
    {
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Format} with {Bits} bits in groups of {GroupSize}";
}
