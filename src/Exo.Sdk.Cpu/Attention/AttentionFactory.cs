using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>Chooses the kernel for a precision of keys and values.</summary>
internal static class AttentionFactory
{
    internal static AttentionKernel Create<TLanes, TVector>(ModelSpec spec, ShardAssignment assignment, ShardOptions options)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => options.KeyValues switch
        {
            KeyValuePrecision.Float32 => Create<TLanes, TVector, Float32Format>(spec, assignment, options),
            KeyValuePrecision.Float16 => Create<TLanes, TVector, ScaledFloat16Format>(spec, assignment, options),
            KeyValuePrecision.BFloat16 => Create<TLanes, TVector, BFloat16Format>(spec, assignment, options),
            KeyValuePrecision.Int8 => Create<TLanes, TVector, Int8Format>(spec, assignment, options),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.KeyValues, "No precision of keys and values."),
        };

    private static TiledAttention<TLanes, TVector, TFormat> Create<TLanes, TVector, TFormat>(ModelSpec spec, ShardAssignment assignment, ShardOptions options)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TFormat : struct, IKeyValueFormat => new(new CacheShape(
            spec.Layers.Count,
            assignment.KeyValueHeads.Count,
            spec.Attention.HeadSize,
            options.ContextLength,
            TLanes.Count,
            TFormat.ElementBytes,
            TFormat.HasScales));
}
