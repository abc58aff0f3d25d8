namespace Exo.Sdk.Mlx;

/// <summary>Which device MLX computes on.</summary>
public enum MlxComputeDevice
{
    /// <summary>Metal on a Mac; the CPU elsewhere, where MLX has no Metal.</summary>
    Auto,

    /// <summary>Metal, and nothing else.</summary>
    Metal,

    /// <summary>The CPU, also on a Mac.</summary>
    Cpu,
}

/// <summary>The element type that MLX computes in. Weights stored in another are converted as they are loaded.</summary>
public enum MlxPrecision
{
    /// <summary>Single precision: the same numbers as other backends to rounding. Plain 16-bit weights take twice their size.</summary>
    Float32,

    /// <summary>bfloat16: half the memory and traffic, about 4e-3 relative error per operation.</summary>
    BFloat16,

    /// <summary>Half precision: half the memory and traffic, about 5e-4 relative error per operation; models made for bfloat16 may overflow.</summary>
    Float16,
}

/// <summary>Who adds the ranks' partial results.</summary>
public enum MlxCollectives
{
    /// <summary>The cluster's own group, whatever transport it runs on. Sums are taken in rank order, and a lost rank is noticed at once.</summary>
    Cluster,

    /// <summary>MLX's ring over TCP. Every rank needs a process of its own.</summary>
    Ring,

    /// <summary>MLX's JACCL over RDMA (Thunderbolt 5). Every rank needs a process of its own.</summary>
    Jaccl,
}

/// <summary>How the MLX backend finds MLX and uses it.</summary>
public sealed record MlxBackendOptions
{
    /// <summary>
    /// The path of libmlxc or of the folder it lies in. Null for the environment variable <c>EXO_MLX_LIBRARY</c> and, where that is
    /// not set, the usual places.
    /// </summary>
    public string? LibraryPath { get; init; }

    /// <summary>Which device to compute on.</summary>
    public MlxComputeDevice Device { get; init; } = MlxComputeDevice.Auto;

    /// <summary>The element type to compute in.</summary>
    public MlxPrecision Precision { get; init; } = MlxPrecision.Float32;

    /// <summary>
    /// MLX's limits for this process. Null to have them set from each shard's part of the plan where MLX runs on Metal, and left alone elsewhere.
    /// </summary>
    public MlxMemoryLimits? MemoryLimits { get; init; }

    /// <summary>Who adds the ranks' partial results; equal on every rank.</summary>
    public MlxCollectives Collectives { get; init; } = MlxCollectives.Cluster;

    /// <summary>
    /// With <see cref="MlxCollectives.Jaccl"/>: for each rank and each peer the RDMA devices of the rank that lead to the peer, for example
    /// <c>rdma_en5</c>; empty for the rank itself. Null to have the ranks find out from their Thunderbolt cables.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>>? RdmaDevices { get; init; }

    /// <summary>
    /// With <see cref="MlxCollectives.Ring"/> or <see cref="MlxCollectives.Jaccl"/>: the longest a step may take. MLX's groups have no
    /// deadline of their own, and a ring whose member dies waits for ever.
    /// </summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromSeconds(60);
}
