using System.Runtime.Intrinsics;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Products;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>Chooses a matrix's kernel by its packing and by the width of registers.</summary>
internal static class MatrixFactory
{
    /// <summary>Lanes of the widest registers that this machine is fast with.</summary>
    internal static int BestLanes => Vector512.IsHardwareAccelerated ? Lanes512.Count : Vector256.IsHardwareAccelerated ? Lanes256.Count : Lanes128.Count;

    /// <summary>Says why a packing cannot be multiplied here; null where it can.</summary>
    internal static string? Refuse(LinearSpec linear)
    {
        if (linear.Quantization is not { } packing)
        {
            return null;
        }

        return packing.Mode != QuantizationMode.Affine || packing.Bits is not (2 or 3 or 4 or 5 or 6 or 8) || packing.GroupSize is not (32 or 64 or 128)
            ? $"{linear.Path} is packed as {packing.Mode} with {packing.Bits} bits in groups of {packing.GroupSize}; "
                + "affine with 2, 3, 4, 5, 6 or 8 bits in groups of 32, 64 or 128 is supported"
                + (packing.HasGroupBiases ? "" : "; the mlx backend multiplies this mode")
            : null;
    }

    internal static WeightMatrix CreatePlain(int lanes, int outputs, int inputs, ElementType type, NativeBlock words, float[]? bias) => lanes switch
    {
        16 => CreatePlain<Lanes512, Vector512<float>>(outputs, inputs, type, words, bias),
        8 => CreatePlain<Lanes256, Vector256<float>>(outputs, inputs, type, words, bias),
        _ => CreatePlain<Lanes128, Vector128<float>>(outputs, inputs, type, words, bias),
    };

    internal static WeightMatrix CreateAffine(
        int lanes, int outputs, int inputs, QuantizationSpec packing, bool integers, NativeBlock words, GroupNumbers scales, GroupNumbers biases, float[]? bias) => lanes switch
        {
            16 => CreateAffine<Lanes512, Vector512<float>>(outputs, inputs, packing, integers, words, scales, biases, bias),
            8 => CreateAffine<Lanes256, Vector256<float>>(outputs, inputs, packing, integers, words, scales, biases, bias),
            _ => CreateAffine<Lanes128, Vector128<float>>(outputs, inputs, packing, integers, words, scales, biases, bias),
        };

    private static WeightMatrix CreatePlain<TLanes, TVector>(int outputs, int inputs, ElementType type, NativeBlock words, float[]? bias)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => type switch
        {
            ElementType.Float32 => new PlainMatrix<TLanes, TVector, Float32Packing>(outputs, inputs, words, bias),
            ElementType.Float16 => new PlainMatrix<TLanes, TVector, Float16Packing>(outputs, inputs, words, bias),
            ElementType.BFloat16 => new PlainMatrix<TLanes, TVector, BFloat16Packing>(outputs, inputs, words, bias),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A plain weight is f32, f16 or bf16."),
        };

    private static WeightMatrix CreateAffine<TLanes, TVector>(
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
            _ => throw new ArgumentOutOfRangeException(nameof(packing), packing.Bits, "An affine weight has 2, 3, 4, 5, 6 or 8 bits here."),
        };
    }
}
