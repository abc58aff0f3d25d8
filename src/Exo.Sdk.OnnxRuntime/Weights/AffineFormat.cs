using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>MLX's affine format, in the widths that the runtime's <c>MatMulNBits</c> has.</summary>
internal sealed class AffineFormat : PackedFormat
{
    internal override QuantizationSupport Support { get; } = new(QuantizationFormat.Affine, [2, 4, 8], QuantizationFormat.Affine.GroupSizes);

    internal override WeightMatrix Read(ShardLoader loader, LinearSlices slices, QuantizationSpec packing)
    {
        float[]? bias = loader.Bias(slices);
        WeightBytes? scales = null;
        WeightBytes? offsets = null;
        try
        {
            scales = loader.Groups(slices.Linear.ScalesName, slices, packing);
            offsets = loader.Groups(slices.Linear.GroupBiasesName, slices, packing);
            AffineMatrix.MakeOffsets(packing.Bits, scales, offsets);
            WeightBytes words = loader.Words(slices, packing);
            return new AffineMatrix(slices.Outputs.Count, slices.Inputs.Count, packing.Bits, packing.GroupSize, words, scales, offsets, bias);
        }
        catch
        {
            scales?.Dispose();
            offsets?.Dispose();
            throw;
        }
    }
}
