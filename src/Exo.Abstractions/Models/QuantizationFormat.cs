namespace Exo.Sdk.Models;

/// <summary>
/// A way to pack a matrix, and all that planner, weight catalog and loaders must know of it. A row of q is one stream of bits, lowest
/// first, in little-endian words of 32 bits; every group of inputs has a scale and, in some formats, a bias. A new format is one more of
/// these and one registration in each backend that multiplies it.
/// </summary>
public sealed record QuantizationFormat
{
    /// <summary>MLX affine: w = scale·q + bias, q unsigned.</summary>
    public static QuantizationFormat Affine { get; } = new()
    {
        Name = "affine",
        Bits = [2, 3, 4, 5, 6, 8],
        GroupSizes = [32, 64, 128],
        HasGroupBiases = true,
    };

    /// <summary>
    /// OCP MXFP4: w = 2^(scale − 127)·q. A scale is a byte (E8M0); q is an E2M1 number of 4 bits: bit 3 is the sign, the others stand for
    /// 0, 0.5, 1, 1.5, 2, 3, 4, 6.
    /// </summary>
    public static QuantizationFormat Mxfp4 { get; } = new() { Name = "mxfp4", Bits = [4], GroupSizes = [32], ScaleType = ElementType.UInt8 };

    /// <summary>
    /// NVFP4: w = scale·q. A scale is a byte, an E4M3 number (4 bits of exponent with bias 7, 3 of fraction); q is an E2M1 number of 4 bits
    /// as in <see cref="Mxfp4"/>.
    /// </summary>
    public static QuantizationFormat Nvfp4 { get; } = new() { Name = "nvfp4", Bits = [4], GroupSizes = [16], ScaleType = ElementType.UInt8 };

    /// <summary>OCP MXFP8: w = 2^(scale − 127)·q. A scale is a byte (E8M0); q is an E4M3 number of 8 bits.</summary>
    public static QuantizationFormat Mxfp8 { get; } = new() { Name = "mxfp8", Bits = [8], GroupSizes = [32], ScaleType = ElementType.UInt8 };

    /// <summary>The formats that model folders are read in.</summary>
    public static IReadOnlyList<QuantizationFormat> Known { get; } = [Affine, Mxfp4, Nvfp4, Mxfp8];

    /// <summary>Its name, as MLX's configurations spell it.</summary>
    public required string Name { get; init; }

    /// <summary>The widths of q that it has, in bits.</summary>
    public required IReadOnlyList<int> Bits { get; init; }

    /// <summary>How many consecutive inputs may make a group.</summary>
    public required IReadOnlyList<int> GroupSizes { get; init; }

    /// <summary>The element type of a scale; null where scales are floating-point numbers of the matrix's <see cref="LinearSpec.StoredType"/>.</summary>
    public ElementType? ScaleType { get; init; }

    /// <summary>Whether a group has a bias beside its scale, a number of <see cref="LinearSpec.StoredType"/>.</summary>
    public bool HasGroupBiases { get; init; }

    /// <summary>Whether it packs values of a width in groups of a size.</summary>
    /// <param name="bits">Bits per value.</param>
    /// <param name="groupSize">Inputs of a group.</param>
    /// <returns>True where it does.</returns>
    public bool Packs(int bits, int groupSize) => Bits.Contains(bits) && GroupSizes.Contains(groupSize);

    /// <summary>What a group takes beside its values.</summary>
    /// <param name="numberBytes">The bytes of a floating-point number.</param>
    /// <returns>Bytes of scale and bias.</returns>
    public int GroupBytes(int numberBytes) => (ScaleType?.SizeInBytes() ?? numberBytes) + (HasGroupBiases ? numberBytes : 0);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
