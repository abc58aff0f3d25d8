using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// The scales, or the biases, of a packed matrix's groups in panels <c>[panels, groups, lanes]</c>, in the element type they are stored in:
/// held in 16 bits they take half the memory, and reading memory is what a product of one token waits for.
/// </summary>
internal sealed unsafe class GroupNumbers(NativeBlock numbers, ElementType type, int groupCount) : IDisposable
{
    private readonly byte* _address = numbers.Bytes;

    internal long ByteCount => numbers.ByteCount;

    internal ElementType Type => type;

    /// <summary>Where one group's numbers of a panel are.</summary>
    internal byte* At(int panel, int group, int panelWidth) =>
        _address + ((((long)panel * groupCount) + group) * panelWidth * type.SizeInBytes());

    /// <summary>One group's numbers of a panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal TVector Load<TLanes, TVector>(int panel, int group)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        long index = (((long)panel * groupCount) + group) * TLanes.Count;
        if (type == ElementType.Float32)
        {
            float* singles = (float*)_address + index;
            Prefetch.Ahead(singles);
            return TLanes.Load(singles);
        }

        ushort* source = (ushort*)_address + index;
        Prefetch.Ahead(source);
        TVector halves = TLanes.ShiftLeft(TLanes.LoadUInt16(source), 16);
        return type == ElementType.BFloat16 ? halves : HalfBits.Widen<TLanes, TVector>(halves);
    }

    /// <summary>One number.</summary>
    internal float Read(int row, int group, int panelWidth)
    {
        long index = ((((long)(row / panelWidth) * groupCount) + group) * panelWidth) + (row % panelWidth);
        return type switch
        {
            ElementType.Float32 => ((float*)_address)[index],
            ElementType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)_address)[index] << 16),
            _ => (float)((Half*)_address)[index],
        };
    }

    public void Dispose() => numbers.Dispose();
}
