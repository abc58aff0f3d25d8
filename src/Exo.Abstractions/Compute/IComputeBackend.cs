using System.Text.Json.Serialization;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk;

/// <summary>
/// Loads and runs shards. The seam is the whole shard, not an operator, so that each backend can compile, fuse and
/// overlap as it likes. Implementations are thread-safe.
/// </summary>
public interface IComputeBackend
{
    /// <summary>A short lower-case name, for example <c>onnxruntime</c> or <c>mlx</c>.</summary>
    string Name { get; }

    /// <summary>Where this backend stands in the automatic choice on this machine.</summary>
    BackendStanding Standing => BackendStanding.Standard;

    /// <summary>Says whether this backend can be used on this machine, and if not why, with each path tried. Changes nothing.</summary>
    /// <returns>The answer with its reason.</returns>
    Availability Probe();

    /// <summary>Says whether this backend can run a model, and if not which part of it stands in the way.</summary>
    /// <param name="spec">The model.</param>
    /// <returns>The answer with its reason.</returns>
    Availability Supports(ModelSpec spec);

    /// <summary>In which form keys and values are held where one is asked for: the planner counts with it.</summary>
    /// <param name="asked">The form asked for.</param>
    /// <returns>The same, unless the backend has only another one.</returns>
    KeyValuePrecision KeyValuesFor(KeyValuePrecision asked) => asked;

    /// <summary>
    /// Whether a cache that only reaches back a window takes no more memory than the window; else it takes that of the whole context. The
    /// planner counts with it.
    /// </summary>
    bool BoundsWindows => false;

    /// <summary>Loads one rank's slices and makes them ready to run.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="weights">Where weights come from; it must stay open as long as the shard lives.</param>
    /// <param name="group">The connected group; the shard calls it inside <see cref="IModelShard.Forward"/> and does not own it.</param>
    /// <param name="options">Limits and threads.</param>
    /// <param name="progress">Told of bytes loaded, from any thread; may be null.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The shard; the caller disposes it.</returns>
    /// <exception cref="UnavailableException">The backend cannot be used here.</exception>
    /// <exception cref="UnsupportedModelException">The backend cannot run this model.</exception>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the model says.</exception>
    ValueTask<IModelShard> LoadAsync(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default);
}

/// <summary>How numbers that enter a quantized matrix product are held.</summary>
public enum ActivationPrecision
{
    /// <summary>Single precision: the product is exact to rounding (about 1e-6 relative).</summary>
    Float32,

    /// <summary>
    /// 8-bit integers with one scale per group: faster, 5e-3 to 7e-3 relative error per product. A backend may compute products exactly
    /// where integers would not be faster, as with weights of 8 bits.
    /// </summary>
    Int8,
}

/// <summary>Limits and threads of one shard.</summary>
public sealed record ShardOptions
{
    /// <summary>The most tokens one sequence may hold, prompt included.</summary>
    public int ContextLength { get; init; } = 2048;

    /// <summary>Sequences that may be open at a time; slots 0 … MaxSequences − 1.</summary>
    public int MaxSequences { get; init; } = 4;

    /// <summary>The most tokens in one step over all its sequences.</summary>
    public int MaxBatchTokens { get; init; } = 256;

    /// <summary>Threads for computing, the calling one included.</summary>
    public int ThreadCount { get; init; } = 1;

    /// <summary>How numbers that enter a quantized matrix product are held.</summary>
    public ActivationPrecision Activations { get; init; } = ActivationPrecision.Float32;

    /// <summary>How keys and values are held. A backend that has only one form uses that.</summary>
    public KeyValuePrecision KeyValues { get; init; } = KeyValuePrecision.Float16;

    /// <summary>
    /// The processors to bind the shard's threads to, in turn, counted from 0; null or empty leaves them to the system. The thread that
    /// calls <see cref="IModelShard.Forward"/> is bound as well. Where the system has no such call it is ignored.
    /// </summary>
    public IReadOnlyList<int>? Processors { get; init; }

    /// <summary>Where to record what the time goes to, or null. It stays in this process.</summary>
    [JsonIgnore]
    public StepTimeline? Timeline { get; init; }
}

/// <summary>How far loading has come.</summary>
/// <param name="LoadedBytes">Bytes of the shard loaded.</param>
/// <param name="TotalBytes">Bytes of the whole shard.</param>
public readonly record struct LoadProgress(long LoadedBytes, long TotalBytes);
