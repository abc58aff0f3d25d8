using System.Runtime.Intrinsics;
using Exo.Sdk.Backends;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu;

/// <summary>
/// The compute backend on the CPU: a rank's whole shard in .NET SIMD, with registers of 128, 256 or 512 bits as the processor has them.
/// Weights stay as they are stored, quantized ones too; loading puts them into the order in which a product reads them. Thread-safe.
/// </summary>
public sealed class CpuBackend : IComputeBackend, IChildProcessPart
{
    private static readonly ModelSupport Support = new(
        "cpu",
        new HashSet<string>
        {
            ModelFeatures.GroupedQueryAttention,
            ModelFeatures.QueryKeyNorm,
            ModelFeatures.AttentionScale,
            ModelFeatures.NoRope,
            ModelFeatures.Rope,
            ModelFeatures.LinearRope,
            ModelFeatures.Llama3Rope,
            ModelFeatures.KeyValueCache,
            ModelFeatures.WindowCache,
            ModelFeatures.GatedFeedForward,
            ModelFeatures.Silu,
            ModelFeatures.RootMeanSquareNorm,
        },
        [.. PackedFormat.All.Select(static format => format.Support)]);

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <inheritdoc/>
    public Availability Probe() => Availability.Yes($"registers of {MatrixFactory.BestLanes * 32} bits");

    /// <inheritdoc/>
    public Availability Supports(ModelSpec spec) => Support.Of(spec);

    /// <inheritdoc/>
    public bool BoundsWindows => true;

    /// <inheritdoc/>
    public ValueTask<IModelShard> LoadAsync(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(assignment);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(options);
        ShardRules.CheckLoad(assignment, group, options);
        return new ValueTask<IModelShard>(Task.Run(
            () => Load(spec, assignment, weights, group, options, MatrixFactory.BestLanes, progress, cancellationToken), cancellationToken));
    }

    /// <summary>Loads a shard for registers of a given width.</summary>
    internal IModelShard Load(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        int lanes,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (Supports(spec) is { IsAvailable: false } refusal)
        {
            throw new UnsupportedModelException($"model for {Name}: {refusal.Reason}", ["see the reason given"]);
        }

        bool integers = options.Activations == ActivationPrecision.Int8;
        int[]? near = options.Processors is { Count: > 0 } processors ? NumaNode.Around(processors[0]) : null;
        ShardWeights shardWeights = ShardLoader.Load(spec, assignment, weights, integers, lanes, near, progress, cancellationToken);
        try
        {
            return lanes switch
            {
                16 => new CpuShard<Lanes512, Vector512<float>>(spec, assignment, shardWeights, group, options),
                8 => new CpuShard<Lanes256, Vector256<float>>(spec, assignment, shardWeights, group, options),
                _ => new CpuShard<Lanes128, Vector128<float>>(spec, assignment, shardWeights, group, options),
            };
        }
        catch
        {
            shardWeights.Dispose();
            throw;
        }
    }
}
