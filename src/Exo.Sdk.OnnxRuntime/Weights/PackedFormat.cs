using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>A quantization format that ONNX Runtime multiplies. Another one is a class of this kind and an entry in <see cref="All"/>.</summary>
internal abstract class PackedFormat
{
    /// <summary>All formats that are multiplied here.</summary>
    internal static IReadOnlyList<PackedFormat> All { get; } = [new AffineFormat()];

    /// <summary>What of the format the runtime has kernels for.</summary>
    internal abstract QuantizationSupport Support { get; }

    /// <summary>The reader of a format.</summary>
    /// <exception cref="UnsupportedModelException">There is none.</exception>
    internal static PackedFormat Of(QuantizationFormat format) => All.FirstOrDefault(one => one.Support.Format == format)
        ?? throw new UnsupportedModelException($"quantization {format}", [.. All.Select(static one => one.Support.Format.Name)]);

    /// <summary>Reads a matrix.</summary>
    /// <param name="loader">What reads the shard.</param>
    /// <param name="slices">The rank's part of the matrix.</param>
    /// <param name="packing">How it is packed.</param>
    /// <returns>The matrix; the caller disposes it.</returns>
    internal abstract WeightMatrix Read(ShardLoader loader, LinearSlices slices, QuantizationSpec packing);
}
