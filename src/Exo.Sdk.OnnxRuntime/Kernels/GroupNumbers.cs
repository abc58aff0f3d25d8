using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// The scales, or the biases, of a packed matrix's groups <c>[outputs, groups]</c> as they are stored, widened a row at a time: held in
/// 16 bits they take half the memory, and reading memory is what a product of one token waits for.
/// </summary>
internal sealed unsafe class GroupNumbers(WeightBytes numbers, ElementType type, int groupCount) : IDisposable
{
    private readonly byte* _address = numbers.Address;
    private readonly int _elementBytes = type.SizeInBytes();

    internal long ByteCount => numbers.ByteCount;

    /// <summary>Some of a row's numbers.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The first group.</param>
    /// <param name="count">How many groups.</param>
    /// <param name="scratch">Room for as many numbers, rounded up to a multiple of 8.</param>
    /// <returns>Where they are.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal float* Read(int row, int first, int count, float* scratch)
    {
        byte* source = _address + ((((long)row * groupCount) + first) * _elementBytes);
        if (type == ElementType.Float32)
        {
            return (float*)source;
        }

        if (type == ElementType.BFloat16)
        {
            Widen<BFloat16Packing>((ushort*)source, count, scratch);
        }
        else
        {
            Widen<Float16Packing>((ushort*)source, count, scratch);
        }

        return scratch;
    }

    public void Dispose() => numbers.Dispose();

    private static void Widen<TPacking>(ushort* source, int count, float* destination)
        where TPacking : struct, IPacking
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            (Vector128<uint> lower, Vector128<uint> upper) = Vector128.Widen(Vector128.Load(source + i));
            Lanes128.Store(TPacking.Plane(new Lanes128(lower.AsSingle()), 0), destination + i);
            Lanes128.Store(TPacking.Plane(new Lanes128(upper.AsSingle()), 0), destination + i + 4);
        }

        for (; i < count; i++)
        {
            destination[i] = TPacking.Value((byte*)source, i);
        }
    }
}
