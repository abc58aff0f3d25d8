using Exo.Sdk.Transport;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>A transport of another package, as far as the choice can see: TCP by another name. Child processes can make it.</summary>
internal class CarrierTransport : ITransport, IChildProcessPart
{
    public string Name => "carrier";

    /// <summary>Why it cannot be used, or null.</summary>
    public string? Missing { get; init; }

    public string DescribeOptions() => Missing ?? "";

    public virtual IChildProcessPart WithOptions(string options) => new CarrierTransport { Missing = options.Length > 0 ? options : null };

    public Availability Probe() => Missing is { } reason ? Availability.No(reason) : Availability.Yes("it can be used");

    public virtual TransportReach Reach() => TransportReach.Anywhere;

    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default) =>
        new TcpTransport().OpenAsync(options, cancellationToken);
}

/// <summary>One that does not say how child processes can make it.</summary>
internal sealed class SettledCarrierTransport(string? missing) : ITransport
{
    public string Name => "carrier";

    public Availability Probe() => missing is null ? Availability.Yes("it can be used") : Availability.No(missing);

    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default) =>
        new TcpTransport().OpenAsync(options, cancellationToken);
}

/// <summary>One that child processes can make but not use.</summary>
internal sealed class ParentOnlyTransport(string? missing) : ITransport, IChildProcessPart
{
    public ParentOnlyTransport()
        : this("no carrier in a child")
    {
    }

    public string Name => "carrier";

    public Availability Probe() => missing is null ? Availability.Yes("it can be used") : Availability.No(missing);

    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default) =>
        new TcpTransport().OpenAsync(options, cancellationToken);
}

/// <summary>One that counts as RDMA.</summary>
internal sealed class RdmaCarrierTransport : CarrierTransport, IRdmaTransport
{
    public override TransportReach Reach() => new() { IsForSeveralMachines = true };

    public IReadOnlyList<RdmaDevice> ListDevices() => [];

    public IRdmaMemory RegisterMemory(string deviceName, long byteCount) => throw new UnavailableException("There is no device.");
}

/// <summary>One whose devices are on networks of their own.</summary>
internal sealed class NetworkedCarrierTransport(params string[] networks) : CarrierTransport
{
    public override TransportReach Reach() => new() { Networks = networks };
}
