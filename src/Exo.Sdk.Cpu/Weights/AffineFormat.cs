using System.Runtime.Intrinsics;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>MLX's affine format: a kernel for each width of values.</summary>
internal sealed class AffineFormat : PackedFormat
{
    internal override QuantizationSupport Support { get; } = new(QuantizationFormat.Affine);

    internal override WeightMatrix Describe(ShardLoader loader, LinearSlices slices, QuantizationSpec packing)
    {
        NativeBlock words = loader.Words(slices, packing);
        GroupNumbers scales = loader.Groups(slices.Linear.ScalesName, slices, packing);
        GroupNumbers biases = loader.Groups(slices.Linear.GroupBiasesName, slices, packing);
        loader.RequireSameType(scales.Type, biases.Type, slices.Linear.GroupBiasesName);
        return Create(
            loader.Lanes, slices.Outputs.Count, slices.Inputs.Count, packing, loader.TakesIntegers, words, scales, biases, loader.Bias(slices));
    }

    internal static WeightMatrix Create(
        int lanes, int outputs, int inputs, QuantizationSpec packing, bool integers, NativeBlock words, GroupNumbers scales, GroupNumbers biases, float[]? bias) => lanes switch
        {
            16 => Create<Lanes512, Vector512<float>>(outputs, inputs, packing, integers, words, scales, biases, bias),
            8 => Create<Lanes256, Vector256<float>>(outputs, inputs, packing, integers, words, scales, biases, bias),
            _ => Create<Lanes128, Vector128<float>>(outputs, inputs, packing, integers, words, scales, biases, bias),
        };

    private static WeightMatrix Create<TLanes, TVector>(
        int outputs, int inputs, QuantizationSpec packing, bool integers, NativeBlock words, GroupNumbers scales, GroupNumbers biases, float[]? bias)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int group = packing.GroupSize;
        return packing.Bits switch
        {
            2 => new AffineMatrix<TLanes, TVector, UInt2Packing>(outputs, inputs, group, integers, words, scales, biases, bias),
            3 => new AffineMatrix<TLanes, TVector, UIntStreamPacking<Bits3>>(outputs, inputs, group, integers, words, scales, biases, bias),
            4 => new AffineMatrix<TLanes, TVector, UInt4Packing>(outputs, inputs, group, integers, words, scales, biases, bias),
            5 => new AffineMatrix<TLanes, TVector, UIntStreamPacking<Bits5>>(outputs, inputs, group, integers, words, scales, biases, bias),
            6 => new AffineMatrix<TLanes, TVector, UIntStreamPacking<Bits6>>(outputs, inputs, group, integers, words, scales, biases, bias),
            8 => new AffineMatrix<TLanes, TVector, UInt8Packing>(outputs, inputs, group, integers, words, scales, biases, bias),
            _ => throw new ArgumentOutOfRangeException(nameof(packing), packing.Bits, "There is no kernel for this width."),
        };
    }
}
