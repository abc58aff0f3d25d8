using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>A quantization format that is multiplied here. Another one is a class of this kind and an entry in <see cref="All"/>.</summary>
internal abstract class PackedFormat
{
    /// <summary>All formats that are multiplied here.</summary>
    internal static IReadOnlyList<PackedFormat> All { get; } = [new AffineFormat()];

    /// <summary>What of the format there are kernels for.</summary>
    internal abstract QuantizationSupport Support { get; }

    /// <summary>The kernels of a format.</summary>
    /// <exception cref="UnsupportedModelException">There are none.</exception>
    internal static PackedFormat Of(QuantizationFormat format) => All.FirstOrDefault(one => one.Support.Format == format)
        ?? throw new UnsupportedModelException($"quantization {format}", [.. All.Select(static one => one.Support.Format.Name)]);

    /// <summary>Takes the memory of a matrix and notes what is to be read into it.</summary>
    /// <param name="loader">What reads the shard.</param>
    /// <param name="slices">The rank's part of the matrix.</param>
    /// <param name="packing">How it is packed.</param>
    /// <returns>The matrix, which is read once the loader has run.</returns>
    internal abstract WeightMatrix Describe(ShardLoader loader, LinearSlices slices, QuantizationSpec packing);
}
