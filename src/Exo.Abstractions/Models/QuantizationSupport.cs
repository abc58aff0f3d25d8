namespace Exo.Sdk.Models;

/// <summary>A format that a backend multiplies, with the widths and group sizes that it has kernels for.</summary>
/// <param name="Format">The format.</param>
/// <param name="Bits">Bits per value.</param>
/// <param name="GroupSizes">Inputs of a group.</param>
public sealed record QuantizationSupport(QuantizationFormat Format, IReadOnlyList<int> Bits, IReadOnlyList<int> GroupSizes)
{
    /// <summary>All of a format.</summary>
    /// <param name="format">The format.</param>
    public QuantizationSupport(QuantizationFormat format)
        : this(format, format.Bits, format.GroupSizes)
    {
    }

    /// <summary>Says why a matrix cannot be multiplied.</summary>
    /// <param name="supported">What can be.</param>
    /// <param name="linear">The matrix.</param>
    /// <returns>The reason with what is supported; null where it can, as every matrix of plain numbers.</returns>
    public static string? Refuse(IReadOnlyList<QuantizationSupport> supported, LinearSpec linear)
    {
        ArgumentNullException.ThrowIfNull(supported);
        ArgumentNullException.ThrowIfNull(linear);
        return linear.Quantization is not { } packing || supported.Any(one => one.Includes(packing))
            ? null
            : $"{linear.Path} is packed as {packing}; supported are {string.Join(", ", supported)}.";
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Format} with {OneOf(Bits)} bits in groups of {OneOf(GroupSizes)}";

    private bool Includes(QuantizationSpec packing) =>
        packing.Format == Format && Bits.Contains(packing.Bits) && GroupSizes.Contains(packing.GroupSize);

    private static string OneOf(IReadOnlyList<int> numbers) =>
        numbers.Count == 1 ? $"{numbers[0]}" : $"{string.Join(", ", numbers.SkipLast(1))} or {numbers[^1]}";
}
