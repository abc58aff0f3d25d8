using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx;

/// <summary>MLX's memory limits for a shard: what its part of the plan needs, within what Metal recommends.</summary>
internal static class MlxMemoryPlan
{
    // Step buffers: single-precision rows of the widest products, several alive at a time.
    private const int BuffersPerToken = 16;
    private const long SmallestCache = 64L << 20;

    /// <summary>The limits.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="options">Context, slots and step.</param>
    /// <param name="precision">The type that is computed in.</param>
    /// <param name="device">The device.</param>
    internal static MlxMemoryLimits Of(ModelSpec spec, ShardAssignment assignment, ShardOptions options, MlxPrecision precision, MlxDeviceInfo device)
    {
        int size = precision == MlxPrecision.Float32 ? 4 : 2;
        long weights = spec.Linears.Sum(linear => Bytes(LinearSlices.Of(linear, assignment), size));
        // Two bytes a number whichever half it is: MLX keeps no scales beside them.
        KeyValuePrecision held = precision == MlxPrecision.Float32 ? KeyValuePrecision.Float32 : KeyValuePrecision.BFloat16;
        long cache = options.MaxSequences * options.ContextLength
            * spec.Layers.SelectMany(static layer => layer.Mixer.Caches).Sum(declared => declared.BytesPerToken(assignment, held));
        long widest = Math.Max(Math.Max(spec.HiddenSize, assignment.Channels.Count), assignment.Tokens.Count);
        long buffers = Math.Max(SmallestCache, widest * options.MaxBatchTokens * sizeof(float) * BuffersPerToken);
        long resident = weights + cache + buffers;
        return new MlxMemoryLimits(
            Memory: Math.Max(resident, device.MaxRecommendedWorkingSetBytes),
            Cache: buffers,
            Wired: Math.Min(resident, device.MaxRecommendedWorkingSetBytes));
    }

    // Numbers are held in the type that is computed in, packed words and scale bytes as they are.
    private static long Bytes(LinearSlices slices, int size)
    {
        long outputs = slices.Outputs.Count;
        long values = outputs * slices.Inputs.Count;
        long weight = slices.Linear.Quantization is { } packing
            ? (values * packing.Bits / 8) + (values / packing.GroupSize * packing.Format.GroupBytes(size))
            : values * size;
        return weight + (slices.Linear.HasBias ? outputs * size : 0);
    }
}
