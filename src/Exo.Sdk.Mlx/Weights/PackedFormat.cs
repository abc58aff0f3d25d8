using System.Text;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>A quantization format that MLX multiplies. Another one is an entry in <see cref="All"/>.</summary>
/// <param name="format">The format; MLX's operations know it by the same name.</param>
internal sealed class PackedFormat(QuantizationFormat format)
{
    /// <summary>All formats that are multiplied here.</summary>
    internal static IReadOnlyList<PackedFormat> All { get; } =
    [
        new(QuantizationFormat.Affine), new(QuantizationFormat.Mxfp4), new(QuantizationFormat.Nvfp4), new(QuantizationFormat.Mxfp8),
    ];

    /// <summary>What of the format MLX has kernels for: all of it.</summary>
    internal QuantizationSupport Support { get; } = new(format);

    /// <summary>Its name as a C string.</summary>
    internal byte[] Mode { get; } = Encoding.UTF8.GetBytes(format.Name + '\0');

    /// <summary>A format's entry.</summary>
    /// <exception cref="UnsupportedModelException">There is none.</exception>
    internal static PackedFormat Of(QuantizationFormat format) => All.FirstOrDefault(one => one.Support.Format == format)
        ?? throw new UnsupportedModelException($"quantization {format}", [.. All.Select(static one => one.Support.Format.Name)]);
}
