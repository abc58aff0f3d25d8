using System.Runtime.Intrinsics;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>Chooses a matrix's kernel by its packing and by the widest registers of this machine.</summary>
internal static class MatrixFactory
{
    /// <summary>The fewest inputs that share a scale.</summary>
    internal const int SmallestGroup = 32;

    /// <summary>The most groups of one output: the kernels widen a row's scales on the stack.</summary>
    internal const int MaximumGroups = 8192;

    /// <summary>Says why a packing cannot be multiplied here; null where it can.</summary>
    internal static string? Refuse(LinearSpec linear)
    {
        if (linear.Quantization is not { } packing)
        {
            return null;
        }

        if (packing.Mode != QuantizationMode.Affine || packing.Bits is not (4 or 8) || packing.GroupSize is not (32 or 64 or 128))
        {
            return $"{linear.Path} is packed as {packing.Mode} with {packing.Bits} bits in groups of {packing.GroupSize}; "
                + "affine with 4 or 8 bits in groups of 32, 64 or 128 is supported";
        }

        return linear.InputSize / packing.GroupSize > MaximumGroups
            ? $"{linear.Path} has {linear.InputSize} inputs; with groups of {packing.GroupSize} at most {MaximumGroups * packing.GroupSize} are supported"
            : null;
    }

    internal static WeightMatrix CreateDense(int outputs, int inputs, ElementType type, WeightBytes weights, float[]? bias) => type switch
    {
        ElementType.Float32 => CreateDense<Float32Packing>(outputs, inputs, weights, bias),
        ElementType.Float16 => CreateDense<Float16Packing>(outputs, inputs, weights, bias),
        ElementType.BFloat16 => CreateDense<BFloat16Packing>(outputs, inputs, weights, bias),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A plain weight is f32, f16 or bf16."),
    };

    internal static WeightMatrix CreateAffine(
        int outputs, int inputs, QuantizationSpec packing, WeightBytes words, GroupNumbers scales, GroupNumbers biases, float[]? bias) => packing.Bits switch
        {
            4 => CreateAffine<UInt4Packing>(outputs, inputs, packing.GroupSize, words, scales, biases, bias),
            8 => CreateAffine<UInt8Packing>(outputs, inputs, packing.GroupSize, words, scales, biases, bias),
            _ => throw new ArgumentOutOfRangeException(nameof(packing), packing.Bits, "An affine weight has 4 or 8 bits here."),
        };

    private static WeightMatrix CreateDense<TPacking>(int outputs, int inputs, WeightBytes weights, float[]? bias)
        where TPacking : struct, IPacking
    {
        if (Vector512.IsHardwareAccelerated)
        {
            return new DenseMatrix<Lanes512, TPacking>(outputs, inputs, weights, bias);
        }

        return Vector256.IsHardwareAccelerated
            ? new DenseMatrix<Lanes256, TPacking>(outputs, inputs, weights, bias)
            : new DenseMatrix<Lanes128, TPacking>(outputs, inputs, weights, bias);
    }

    private static WeightMatrix CreateAffine<TPacking>(
        int outputs, int inputs, int groupSize, WeightBytes words, GroupNumbers scales, GroupNumbers biases, float[]? bias)
        where TPacking : struct, IPacking
    {
        if (Vector512.IsHardwareAccelerated)
        {
            return new AffineMatrix<Lanes512, TPacking>(outputs, inputs, groupSize, words, scales, biases, bias);
        }

        return Vector256.IsHardwareAccelerated
            ? new AffineMatrix<Lanes256, TPacking>(outputs, inputs, groupSize, words, scales, biases, bias)
            : new AffineMatrix<Lanes128, TPacking>(outputs, inputs, groupSize, words, scales, biases, bias);
    }
}
