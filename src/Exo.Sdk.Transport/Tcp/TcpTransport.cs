using System.Net;
using System.Net.Sockets;
using Exo.Sdk.Parts;
using Exo.Sdk.Transport.Links;
using Exo.Sdk.Transport.Tcp;

namespace Exo.Sdk.Transport;

/// <summary>
/// Groups over TCP: a full mesh of connections, each authenticated both ways before anything is read from it.
/// Collectives run on the calling thread over non-blocking sockets; they poll for <see cref="Spin"/> before
/// they block. Thread-safe.
/// </summary>
/// <remarks>
/// The handshake proves that a peer holds the group's secret. The data itself is neither encrypted nor signed:
/// use it between machines on a network that is trusted not to tamper.
/// </remarks>
public sealed class TcpTransport : ITransport, IChildProcessPart
{
    /// <summary>
    /// How long a collective polls before it blocks: 100 µs by default. Waking from a block costs about 50 µs,
    /// polling costs processor time; after the first 5 µs every poll lets other threads run. Zero blocks at once.
    /// </summary>
    public TimeSpan Spin { get; init; } = TimeSpan.FromMicroseconds(100);

    /// <inheritdoc/>
    public string Name => "tcp";

    /// <summary>How long an accepted connection may take to prove itself.</summary>
    internal TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether to make the system's calls where they can be made; tests turn it off.</summary>
    internal bool UseNativeCalls { get; init; } = NativeSocket.IsAvailable;

    /// <inheritdoc/>
    public Availability Probe() => Socket.OSSupportsIPv4 || Socket.OSSupportsIPv6
        ? Availability.Yes(UseNativeCalls ? "TCP over the system's own calls" : "TCP over managed sockets")
        : Availability.No("This machine has neither IPv4 nor IPv6.");

    /// <inheritdoc/>
    public string DescribeOptions() => PartOptions.Describe(new TcpOptions(Spin, HandshakeTimeout, UseNativeCalls), TransportJson.Default.TcpOptions);

    /// <inheritdoc/>
    public IChildProcessPart WithOptions(string options)
    {
        TcpOptions given = PartOptions.Read(options, TransportJson.Default.TcpOptions, Name);
        return new TcpTransport
        {
            Spin = PartOptions.RequireTime(given.Spin, Name, nameof(Spin)),
            HandshakeTimeout = PartOptions.RequireTime(given.HandshakeTimeout, Name, nameof(HandshakeTimeout)),
            UseNativeCalls = given.UseNativeCalls && NativeSocket.IsAvailable,
        };
    }

    /// <inheritdoc/>
    /// <exception cref="ConfigurationException">The host is unknown, or is not one that peers can reach.</exception>
    public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<ITransportEndpoint>(Open(options, "", null));
    }

    /// <summary>
    /// Opens an endpoint of another transport whose ranks meet on TCP: once all are connected and have proved themselves, each makes its own
    /// links out of these. So such a transport needs neither a rendezvous nor a handshake of its own, and has a channel beside its links.
    /// </summary>
    /// <param name="options">Where to listen.</param>
    /// <param name="scheme">
    /// What stands before <c>host:port</c> in the addresses, for example <c>rdma:</c>, so that nobody takes it for a plain TCP endpoint.
    /// </param>
    /// <param name="upgrade">Makes the transport's own links.</param>
    /// <returns>The endpoint.</returns>
    /// <exception cref="ConfigurationException">The host is unknown, or is not one that peers can reach.</exception>
    /// <exception cref="UnavailableException">The port cannot be listened on.</exception>
    public ITransportEndpoint OpenMeetingPoint(TransportOptions options, string scheme, LinkUpgrade upgrade)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(scheme);
        ArgumentNullException.ThrowIfNull(upgrade);
        return Open(options, scheme, upgrade);
    }

    private TcpEndpoint Open(TransportOptions options, string scheme, LinkUpgrade? upgrade)
    {
        IPAddress address = TcpAddress.ResolveHost(options.Host);
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            throw new ConfigurationException(
                $"The host '{options.Host}' stands for all addresses; name the one that the peers can reach.");
        }

        Socket listener = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(new IPEndPoint(address, options.Port));
            listener.Listen(2 * LinkGroup.MaxSize);
            listener.Blocking = false;
        }
        catch (SocketException failure)
        {
            listener.Dispose();
            throw new UnavailableException($"Cannot listen on {TcpAddress.Format(options.Host, options.Port)}: {failure.Message}", failure);
        }

        string published = scheme + TcpAddress.Format(options.Host, ((IPEndPoint)listener.LocalEndPoint!).Port);
        return new TcpEndpoint(this, listener, scheme, published, upgrade);
    }
}
