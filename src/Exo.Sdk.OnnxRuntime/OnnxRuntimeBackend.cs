using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Kernels;
using Exo.Sdk.OnnxRuntime.Native;
using Exo.Sdk.OnnxRuntime.Weights;
using Exo.Sdk.Planning;
using Microsoft.ML.OnnxRuntime;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>
/// The compute backend on ONNX Runtime's CPU engine. It builds a rank's graphs in memory from the model's description; matrix products
/// over the stored weights and the all-reduces are nodes of those graphs that are computed in C#. Thread-safe.
/// </summary>
public sealed class OnnxRuntimeBackend : IComputeBackend
{
    /// <inheritdoc/>
    public string Name => "onnxruntime";

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
    public Availability Supports(ModelSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Rope.Scaling is not (null or LinearRopeScaling or Llama3RopeScaling))
        {
            return Availability.No($"Rope scaling {spec.Rope.Scaling.GetType().Name} is not supported; none, linear and llama3 are.");
        }

        if (spec.Attention.HeadSize % 2 != 0)
        {
            return Availability.No($"Rope needs an even head size, and this model's is {spec.Attention.HeadSize}.");
        }

        foreach (LinearSpec linear in spec.Layers.SelectMany(layer => layer.Linears).Append(spec.Embedding).Append(spec.Head))
        {
            if (MatrixFactory.Refuse(linear) is { } reason)
            {
                return Availability.No(reason + ".");
            }
        }

        return Availability.Yes("every part is supported");
    }

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
        Check(assignment, group, options);
        return new ValueTask<IModelShard>(Task.Run<IModelShard>(
            () => Load(spec, assignment, weights, group, options, progress, cancellationToken), cancellationToken));
    }

    private static void Check(ShardAssignment assignment, ICollective group, ShardOptions options)
    {
        if (group.Rank != assignment.Rank || group.Size != assignment.WorldSize)
        {
            throw new ArgumentException(
                $"The group's rank {group.Rank} of {group.Size} is not the assignment's rank {assignment.Rank} of {assignment.WorldSize}.", nameof(group));
        }

        foreach ((string name, int value) in new (string, int)[]
        {
            (nameof(options.ContextLength), options.ContextLength),
            (nameof(options.MaxSequences), options.MaxSequences),
            (nameof(options.MaxBatchTokens), options.MaxBatchTokens),
            (nameof(options.ThreadCount), options.ThreadCount),
        })
        {
            if (value < 1)
            {
                throw new ConfigurationException($"{nameof(ShardOptions)}.{name} is {value}; it must be at least 1.");
            }
        }
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
