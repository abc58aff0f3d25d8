using Exo.Sdk.Parts;
using Exo.Sdk.Rdma.Connecting;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Links;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Transport;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Rdma;

/// <summary>
/// Groups over RDMA queue pairs, one to each peer, with SEND and RECV only. A TCP connection beside each pair carries the
/// authentication, the exchange of queue pair numbers, and the news that a rank has died. Thread-safe.
/// </summary>
/// <remarks>
/// Every message is numbered, and both ends count what the other has taken: receives are posted before the peer may
/// send, and a message that an unreliable pair drops is sent again. Messages are neither encrypted nor signed: use it
/// on cables or networks that nobody else can write to.
/// </remarks>
public sealed class RdmaTransport : IRdmaTransport, IChildProcessPart
{
    // What stands before the address in what ranks tell each other, so that nobody takes it for a plain TCP endpoint.
    private const string Scheme = "rdma:";

    private readonly DeviceUse _use = new();

    /// <summary>Creates a transport with the default options, as a child process does.</summary>
    public RdmaTransport()
        : this(new RdmaOptions())
    {
    }

    /// <summary>Creates a transport.</summary>
    /// <param name="options">How to use the devices.</param>
    /// <exception cref="ConfigurationException">An option is out of range.</exception>
    public RdmaTransport(RdmaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
    }

    /// <inheritdoc/>
    public string Name => "rdma";

    /// <summary>How the devices are used.</summary>
    public RdmaOptions Options { get; }

    /// <summary>What this transport's groups have of each device.</summary>
    internal DeviceUse Use => _use;

    /// <summary>Told of every group when it is connected, with this side's rank; tests look inside.</summary>
    internal Action<int, RdmaLinkGroup>? Connected { get; init; }

    /// <inheritdoc/>
    public string DescribeOptions() => PartOptions.Describe(Options, RdmaJson.Default.RdmaOptions);

    /// <inheritdoc/>
    public IChildProcessPart WithOptions(string options) => new RdmaTransport(PartOptions.Read(options, RdmaJson.Default.RdmaOptions, Name));

    /// <inheritdoc/>
    public Availability Probe()
    {
        try
        {
            using VerbsHandle library = VerbsHandle.Open(Options.VerbsLibrary);
            List<RdmaDevice> devices = Read(library, out List<LocalPort> usable);
            if (usable.Count > 0)
            {
                string ports = string.Join(", ", usable.Select(port =>
                    $"{port.Device} port {port.Number} at {GidTable.Ipv4(port.Gid)}"));
                return Availability.Yes($"{library.Name}: {ports}; {(Options.IsReliable ? "RC" : "UC")} queue pairs");
            }

            return Availability.No(devices.Count == 0
                ? $"{library.Name} finds no RDMA device{(Options.Devices.Count > 0 ? $" named {string.Join(" or ", Options.Devices)}" : "")}. " + NoDeviceAdvice
                : $"No RDMA device can be used. {string.Join("; ", devices.Select(DeviceCatalog.WhyUnusable))}.");
        }
        catch (UnavailableException missing)
        {
            return Availability.No(missing.Message);
        }
    }

    /// <inheritdoc/>
    public TransportReach Reach() => new() { IsForSeveralMachines = true, Networks = Networks() };

    /// <summary>The subnets of the usable ports; empty where there are none.</summary>
    internal IReadOnlyList<string> Networks()
    {
        try
        {
            using VerbsHandle library = VerbsHandle.Open(Options.VerbsLibrary);
            _ = Read(library, out List<LocalPort> usable);
            return [.. usable.Select(static port => port.Network()).Distinct()];
        }
        catch (UnavailableException)
        {
            return [];
        }
    }

    /// <inheritdoc/>
    /// <exception cref="UnavailableException">The verbs library is missing or a device cannot be read.</exception>
    public IReadOnlyList<RdmaDevice> ListDevices()
    {
        using VerbsHandle library = VerbsHandle.Open(Options.VerbsLibrary);
        return Read(library, out _);
    }

    /// <inheritdoc/>
    public IRdmaMemory RegisterMemory(string deviceName, long byteCount)
    {
        ArgumentException.ThrowIfNullOrEmpty(deviceName);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(byteCount);
        using VerbsHandle library = VerbsHandle.Open(Options.VerbsLibrary);
        DeviceHandle device = DeviceHandle.Open(library, deviceName);
        bool taken = false;
        try
        {
            RdmaLimits limits = DeviceCatalog.Read(device, deviceName, Options.LimitCeiling).Device.Limits;
            _use.Take(deviceName, limits, 0, 1);
            taken = true;
            return new RdmaMemory(_use, deviceName, device, SlabHandle.Register(device, byteCount, Options.Access), byteCount);
        }
        catch
        {
            device.Dispose();
            if (taken)
            {
                _use.Give(deviceName, 0, 1);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Availability availability = Probe();
        if (!availability.IsAvailable)
        {
            throw new UnavailableException(availability.Reason);
        }

        // The ranks meet on TCP, and the group that has met is turned into one over queue pairs.
        TcpTransport side = new() { Spin = Options.Spin };
        return ValueTask.FromResult(side.OpenMeetingPoint(options, Scheme, Extend));
    }

    private RdmaLinkGroup Extend(LinkGroup met, GroupDescription group, CancellationToken cancellationToken)
    {
        try
        {
            RdmaLinkGroup connected = PairExchange.Connect(this, group, met, cancellationToken);
            Connected?.Invoke(group.Rank, connected);
            return connected;
        }
        catch (Exception failure)
        {
            met.End(new Ending(group.Rank, $"it could not connect: {failure.Message.TrimEnd('.')}"));
            throw;
        }
    }

    /// <summary>Reads the devices that the options name.</summary>
    /// <param name="library">The verbs library.</param>
    /// <param name="usable">The ports that can be used, in the order of the options or else of the library.</param>
    /// <returns>The devices.</returns>
    internal List<RdmaDevice> Read(VerbsHandle library, out List<LocalPort> usable)
    {
        string[] present = DeviceCatalog.Names(library);
        usable = [];
        List<RdmaDevice> devices = [];
        foreach (string name in Options.Devices.Count == 0 ? present : Options.Devices.Intersect(present))
        {
            using DeviceHandle handle = DeviceHandle.Open(library, name);
            (RdmaDevice device, List<LocalPort> ports) = DeviceCatalog.Read(handle, name, Options.LimitCeiling);
            devices.Add(device);
            usable.AddRange(ports);
        }

        return devices;
    }

    private static string NoDeviceAdvice => OperatingSystem.IsMacOS()
        ? "It needs macOS 26.2 and Thunderbolt 5: start in Recovery, run 'rdma_ctl enable' in its Terminal, restart."
        : "Load the driver of the adapter; without one, 'rdma link add rxe0 type rxe netdev NAME' makes a software device.";
}
