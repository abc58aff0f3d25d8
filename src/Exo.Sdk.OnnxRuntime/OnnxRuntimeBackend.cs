using Exo.Sdk.Backends;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Native;
using Exo.Sdk.OnnxRuntime.Weights;
using Exo.Sdk.Planning;
using Microsoft.ML.OnnxRuntime;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>
/// The compute backend on ONNX Runtime's CPU engine. It builds a rank's graphs in memory from the model's description and runs them with
/// the runtime's own operators; only the sums over ranks are ours. Thread-safe.
/// </summary>
/// <remarks>
/// <para>
/// Weights of 2, 4 and 8 bits in MLX's affine packing are multiplied packed. Plain weights are multiplied in single precision: f16 and
/// bf16 ones are widened when they are loaded and take twice their stored size. The runtime packs a copy of every weight for its kernels
/// beside the loaded or mapped one, which <see cref="ShardMemory.Weights"/> counts.
/// </para>
/// <para>
/// Keys and values are always held in single precision, whatever <see cref="ShardOptions.KeyValues"/> says.
/// <see cref="ShardOptions.Processors"/> and <see cref="ShardOptions.Timeline"/> are ignored: the runtime starts its own threads, and a
/// step is one run of a graph.
/// </para>
/// </remarks>
public sealed class OnnxRuntimeBackend : IComputeBackend, IChildProcessPart
{
    private static readonly ModelSupport Support = new(
        "onnxruntime",
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
    public string Name => "onnxruntime";

    /// <inheritdoc/>
    /// <remarks>On processors our own engine decodes faster and holds one copy of the weights; see docs/performance.md.</remarks>
    public BackendStanding Standing => BackendStanding.Fallback;

    /// <inheritdoc/>
    public Availability Probe()
    {
        try
        {
            return Availability.Yes($"ONNX Runtime {NativeApi.LibraryVersion}");
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return Availability.No(
                $"The native library of ONNX Runtime cannot be loaded ({error.Message}). Reference the package Microsoft.ML.OnnxRuntime in the "
                + "program's project and publish it for this system: Linux x64 or arm64, Windows x64 or arm64, macOS arm64.");
        }
    }

    /// <inheritdoc/>
    public Availability Supports(ModelSpec spec) => Support.Of(spec);

    /// <inheritdoc/>
    /// <remarks>Single precision, whatever is asked for.</remarks>
    public KeyValuePrecision KeyValuesFor(KeyValuePrecision asked) => KeyValuePrecision.Float32;

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
        return new ValueTask<IModelShard>(Task.Run<IModelShard>(
            () => Load(spec, assignment, weights, group, options, progress, cancellationToken), cancellationToken));
    }

    private OnnxRuntimeShard Load(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (Probe() is { IsAvailable: false } missing)
        {
            throw new UnavailableException(missing.Reason);
        }

        if (Supports(spec) is { IsAvailable: false } refusal)
        {
            throw new UnsupportedModelException($"model for {Name}: {refusal.Reason}", ["see the reason given"]);
        }

        ShardWeights shardWeights = ShardLoader.Load(spec, assignment, weights, progress, cancellationToken);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            return new OnnxRuntimeShard(spec, assignment, shardWeights, group, options);
        }
        catch (Exception error)
        {
            shardWeights.Dispose();
            if (error is OnnxRuntimeException)
            {
                throw new BackendException($"Rank {assignment.Rank}: ONNX Runtime refuses the shard's graphs: {error.Message}", error);
            }

            throw;
        }
    }
}
