namespace Exo.Sdk;

/// <summary>
/// A transport over RDMA verbs. It adds to <see cref="ITransport"/> what a planner and a diagnosis need:
/// the devices with their ports, the queue and message limits read back from them, and registered memory.
/// </summary>
public interface IRdmaTransport : ITransport
{
    /// <summary>The RDMA devices of this machine, each with its ports; empty where there are none.</summary>
    /// <returns>The devices, in the order of the verbs library.</returns>
    IReadOnlyList<RdmaDevice> ListDevices();

    /// <summary>Registers memory that a device may read and write. Registrations are scarce: take one and divide it.</summary>
    /// <param name="deviceName">The device, by <see cref="RdmaDevice.Name"/>.</param>
    /// <param name="byteCount">The size in bytes.</param>
    /// <returns>Page-aligned registered memory; disposing it deregisters it.</returns>
    /// <exception cref="UnavailableException">The device is gone or its registration limit is reached.</exception>
    IRdmaMemory RegisterMemory(string deviceName, long byteCount);
}

/// <summary>Memory registered with an RDMA device.</summary>
public interface IRdmaMemory : IDisposable
{
    /// <summary>The first byte's address.</summary>
    nint Address { get; }

    /// <summary>The size in bytes.</summary>
    long ByteCount { get; }
}

/// <summary>An RDMA device.</summary>
/// <param name="Name">For example <c>rdma_en5</c> or <c>mlx5_0</c>.</param>
/// <param name="Ports">Its ports.</param>
/// <param name="Limits">Its limits, as the device states them.</param>
public sealed record RdmaDevice(string Name, IReadOnlyList<RdmaPort> Ports, RdmaLimits Limits);

/// <summary>A port of an RDMA device.</summary>
/// <param name="Number">Counted from 1.</param>
/// <param name="IsActive">Whether its link is up.</param>
/// <param name="MaxTransferUnit">Bytes per packet.</param>
/// <param name="Gids">The global identifiers in table order, as IPv6 text; unused entries are empty.</param>
public sealed record RdmaPort(int Number, bool IsActive, int MaxTransferUnit, IReadOnlyList<string> Gids)
{
    /// <summary>The link's state in words, for example <c>active</c> or <c>down</c>.</summary>
    public string State { get; init; } = "";

    /// <summary><c>Ethernet</c> or <c>InfiniBand</c>; empty where the device does not say.</summary>
    public string LinkLayer { get; init; } = "";
}

/// <summary>What an RDMA device can do, read back from it.</summary>
/// <param name="MaxQueuePairs">Queue pairs that may exist at a time.</param>
/// <param name="MaxMemoryRegions">Memory regions that may be registered at a time.</param>
/// <param name="MaxWorkRequests">Outstanding work requests per queue.</param>
/// <param name="MaxMessageBytes">The longest message in bytes.</param>
public readonly record struct RdmaLimits(int MaxQueuePairs, int MaxMemoryRegions, int MaxWorkRequests, long MaxMessageBytes);
