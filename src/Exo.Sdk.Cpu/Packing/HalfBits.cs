using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Half precision to single, in any register.</summary>
internal static class HalfBits
{
    // A half's exponent and fraction, moved to a single's place, read as the value times 2⁻¹¹²: the difference of the two biases.
    private const float BiasDifference = 5.192296858534828e33f;

    /// <summary>Widens the halves in the lower 16 bits of the lanes; subnormal ones exactly, infinities as 65536.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Widen<TLanes, TVector>(TVector halves)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        TVector magnitude = TLanes.ShiftLeft(TLanes.And(halves, 0x7FFF), 13);
        TVector sign = TLanes.ShiftLeft(TLanes.And(halves, 0x8000), 16);
        return TLanes.Or(TLanes.Multiply(magnitude, TLanes.Broadcast(BiasDifference)), sign);
    }
}
