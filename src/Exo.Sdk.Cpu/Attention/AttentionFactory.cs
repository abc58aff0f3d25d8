using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>Chooses the kernel for a precision of keys and values.</summary>
internal static class AttentionFactory
{
    /// <summary>Makes a kernel.</summary>
    /// <param name="heads">The rank's key-value heads.</param>
    /// <param name="headSize">The elements of a head.</param>
    /// <param name="positions">Positions that are looked at together.</param>
    /// <param name="precision">How keys and values are held.</param>
    internal static AttentionKernel Create<TLanes, TVector>(int heads, int headSize, int positions, KeyValuePrecision precision)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => precision switch
        {
            KeyValuePrecision.Float32 => Create<TLanes, TVector, Float32Format>(heads, headSize, positions),
            KeyValuePrecision.Float16 => Create<TLanes, TVector, ScaledFloat16Format>(heads, headSize, positions),
            KeyValuePrecision.BFloat16 => Create<TLanes, TVector, BFloat16Format>(heads, headSize, positions),
            KeyValuePrecision.Int8 => Create<TLanes, TVector, Int8Format>(heads, headSize, positions),
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "No precision of keys and values."),
        };

    private static TiledAttention<TLanes, TVector, TFormat> Create<TLanes, TVector, TFormat>(int heads, int headSize, int positions)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TFormat : struct, IKeyValueFormat =>
        new(new CacheShape(heads, headSize, positions, TLanes.Count, TFormat.ElementBytes, TFormat.HasScales));
}
