namespace Exo.Sdk.Planning;

/// <summary>What a node says of itself to the planner.</summary>
public sealed record DeviceProfile
{
    /// <summary>A name for people, for example a host name.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes of memory that a shard may take.</summary>
    public required long AvailableMemory { get; init; }

    /// <summary>Measured memory read bandwidth in bytes per second, or 0 where it was not measured.</summary>
    public double MemoryBandwidth { get; init; }

    /// <summary>Threads for computing.</summary>
    public int ThreadCount { get; init; } = 1;

    /// <summary>The compute backend, by <see cref="IComputeBackend.Name"/>.</summary>
    public string Backend { get; init; } = "";
}

/// <summary>What was measured of the way between two nodes.</summary>
/// <param name="Latency">One way.</param>
/// <param name="Bandwidth">Bytes per second.</param>
/// <param name="IsRdma">Whether it is RDMA.</param>
public readonly record struct LinkProfile(TimeSpan Latency, double Bandwidth, bool IsRdma);
