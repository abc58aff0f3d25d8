using System.Runtime.Intrinsics;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>Chooses the kernel of a matrix of plain numbers by their type and by the width of registers.</summary>
internal static class MatrixFactory
{
    /// <summary>Lanes of the widest registers that this machine is fast with.</summary>
    internal static int BestLanes => Vector512.IsHardwareAccelerated ? Lanes512.Count : Vector256.IsHardwareAccelerated ? Lanes256.Count : Lanes128.Count;

    internal static WeightMatrix CreatePlain(int lanes, int outputs, int inputs, ElementType type, NativeBlock words, float[]? bias) => lanes switch
    {
        16 => CreatePlain<Lanes512, Vector512<float>>(outputs, inputs, type, words, bias),
        8 => CreatePlain<Lanes256, Vector256<float>>(outputs, inputs, type, words, bias),
        _ => CreatePlain<Lanes128, Vector128<float>>(outputs, inputs, type, words, bias),
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
}
