namespace Exo.Sdk.Rdma;

/// <summary>Which kind of queue pair carries the messages.</summary>
public enum RdmaConnection
{
    /// <summary>Unreliable on macOS, which offers nothing else; reliable elsewhere.</summary>
    Automatic = 0,

    /// <summary>RC: the device acknowledges and repeats.</summary>
    Reliable = 1,

    /// <summary>UC: the device drops silently, so this library numbers, acknowledges and repeats.</summary>
    Unreliable = 2,
}

/// <summary>What a device may do with registered memory.</summary>
[Flags]
public enum RdmaAccess
{
    /// <summary>Nothing beyond reading it to send.</summary>
    None = 0,

    /// <summary>Write into it what arrives. Always needed.</summary>
    LocalWrite = 1,

    /// <summary>Let the peer write into it. Not used; some drivers refuse memory without it.</summary>
    RemoteWrite = 2,

    /// <summary>Let the peer read it. Not used; some drivers refuse memory without it.</summary>
    RemoteRead = 4,
}

/// <summary>How <see cref="RdmaTransport"/> uses the devices. The defaults are safe on every device known.</summary>
public sealed record RdmaOptions
{
    /// <summary>Bytes in which Apple's devices count messages and queue depth.</summary>
    public const int FrameBytes = 4096;

    /// <summary>
    /// What Apple states for Thunderbolt 5: 10 queue pairs and about 100 memory regions a device, 4095 work requests,
    /// messages up to 16,773,120 bytes.
    /// </summary>
    public static RdmaLimits AppleLimits { get; } = new(10, 100, 4095, 16_773_120);

    /// <summary>The verbs library's path; null for <c>libibverbs.so.1</c> or <c>librdma.dylib</c>.</summary>
    public string? VerbsLibrary { get; init; }

    /// <summary>The devices to use, by name; empty for all. Of two that reach the same peer the earlier one is taken.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>The kind of queue pair; equal on all ranks.</summary>
    public RdmaConnection Connection { get; init; }

    /// <summary>
    /// Bytes per message, header included: 256 to 8 MiB, a multiple of 16. Above one frame of 4 KiB some devices are
    /// reported to fail at depth. Two ranks use the smaller of their values.
    /// </summary>
    public int SlotBytes { get; init; } = FrameBytes;

    /// <summary>Messages that may be under way to and from each peer: 1 to 1024. Two ranks use the smaller of their values.</summary>
    public int Depth { get; init; } = 64;

    /// <summary>Limits below those that the devices state, or null.</summary>
    public RdmaLimits? LimitCeiling { get; init; }

    /// <summary>
    /// Whether the device counts queue depth in frames of 4 KiB and wants a send and its receive equal in frames, as
    /// Apple's do. Then every message is sent at its slot's full length where slots are longer than a frame. True on macOS.
    /// </summary>
    public bool CountsFrames { get; init; } = OperatingSystem.IsMacOS();

    /// <summary>How memory is registered.</summary>
    public RdmaAccess Access { get; init; } = RdmaAccess.LocalWrite;

    /// <summary>How long a collective polls before it blocks: 100 µs by default.</summary>
    public TimeSpan Spin { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <summary>Whether queue pairs are reliable, once the operating system has been asked.</summary>
    internal bool IsReliable => Connection == RdmaConnection.Reliable
        || (Connection == RdmaConnection.Automatic && !OperatingSystem.IsMacOS());

    /// <summary>Checks the values.</summary>
    /// <exception cref="ConfigurationException">One is out of range.</exception>
    internal void Validate()
    {
        if (SlotBytes is < 256 or > 8 << 20 || SlotBytes % 16 != 0)
        {
            throw new ConfigurationException($"{nameof(SlotBytes)} is {SlotBytes}; expected a multiple of 16 from 256 to {8 << 20}.");
        }

        if (Depth is < 1 or > 1024)
        {
            throw new ConfigurationException($"{nameof(Depth)} is {Depth}; expected 1 to 1024.");
        }

        if ((Access & RdmaAccess.LocalWrite) == 0)
        {
            throw new ConfigurationException($"{nameof(Access)} is {Access}; it must hold {nameof(RdmaAccess.LocalWrite)}, or nothing can be received.");
        }

        if ((Access & ~(RdmaAccess.LocalWrite | RdmaAccess.RemoteWrite | RdmaAccess.RemoteRead)) != 0 || !Enum.IsDefined(Connection))
        {
            throw new ConfigurationException($"{nameof(Access)} is {Access} and {nameof(Connection)} {Connection}; one of them is unknown.");
        }

        if (Spin < TimeSpan.Zero)
        {
            throw new ConfigurationException($"{nameof(Spin)} is {Spin}; it must not be negative.");
        }

        ArgumentNullException.ThrowIfNull(Devices);
        if (Devices.Any(string.IsNullOrEmpty))
        {
            throw new ConfigurationException($"{nameof(Devices)} holds an empty name.");
        }
    }
}
