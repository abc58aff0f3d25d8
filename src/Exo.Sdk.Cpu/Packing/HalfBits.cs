using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Half precision to single, in any register.</summary>
internal static class HalfBits
{
    // A half's exponent and fraction, moved to a single's place, read as the value times 2⁻¹¹²: the difference of the two biases.
    internal const float BiasDifference = 5.192296858534828e33f;

    // Sign, five bits of exponent, ten bits of fraction, where a single has them.
    private const uint Places = 0x8FFFE000;

    /// <summary>Widens the halves in the upper 16 bits of the lanes, whatever the lower ones hold; subnormal ones exactly, infinities as 65536.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Widen<TLanes, TVector>(TVector halves)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct =>
        TLanes.Multiply(Place<TLanes, TVector>(halves), TLanes.Broadcast(BiasDifference));

    /// <summary>As <see cref="Widen"/>, but the numbers lack the factor <see cref="BiasDifference"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Place<TLanes, TVector>(TVector halves)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.And(TLanes.ShiftRightSigned(halves, 3), Places);
}
