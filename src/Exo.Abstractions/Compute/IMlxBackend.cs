namespace Exo.Sdk;

/// <summary>
/// The backend on Apple's MLX. It adds to <see cref="IComputeBackend"/> the Metal device, its memory limits and MLX's own
/// distributed group, which it may use in place of ours.
/// </summary>
public interface IMlxBackend : IComputeBackend
{
    /// <summary>The Metal device, or null where MLX runs on the CPU or is unavailable.</summary>
    MlxDeviceInfo? Device { get; }

    /// <summary>MLX's own distributed groups that this build of it offers, for example <c>jaccl</c> (RDMA) and <c>ring</c> (TCP).</summary>
    IReadOnlyList<string> DistributedBackends { get; }

    /// <summary>Sets MLX's limits for this process, from the plan.</summary>
    /// <param name="limits">The limits.</param>
    /// <exception cref="UnavailableException">MLX is not available, or it refuses a limit.</exception>
    void SetMemoryLimits(MlxMemoryLimits limits);
}

/// <summary>A Metal device as MLX describes it.</summary>
/// <param name="Name">For example <c>Apple M3 Ultra</c>.</param>
/// <param name="Architecture">Metal's name for the architecture.</param>
/// <param name="MemoryBytes">Unified memory of the machine.</param>
/// <param name="MaxRecommendedWorkingSetBytes">What Metal recommends to keep resident at the most.</param>
/// <param name="MaxBufferBytes">The longest single buffer.</param>
public sealed record MlxDeviceInfo(
    string Name,
    string Architecture,
    long MemoryBytes,
    long MaxRecommendedWorkingSetBytes,
    long MaxBufferBytes);

/// <summary>MLX's memory limits in bytes; null leaves one as it is.</summary>
/// <param name="Memory">Allocations beyond it wait for running work.</param>
/// <param name="Cache">Freed buffers kept for reuse.</param>
/// <param name="Wired">Memory kept resident.</param>
public readonly record struct MlxMemoryLimits(long? Memory, long? Cache, long? Wired);
