namespace Exo.Sdk;

/// <summary>
/// Turns a list of peers into a connected group. Each rank opens an endpoint, the addresses are exchanged
/// by the control plane, then every rank connects with the same <see cref="GroupDescription"/>.
/// Implementations are thread-safe.
/// </summary>
public interface ITransport
{
    /// <summary>A short lower-case name, for example <c>tcp</c>, <c>rdma</c>, <c>in-process</c>.</summary>
    string Name { get; }

    /// <summary>Says whether this transport can be used on this machine, and if not why. Changes nothing.</summary>
    /// <returns>The answer with its reason.</returns>
    Availability Probe();

    /// <summary>Says which ranks this transport can connect, for the choice among transports. Changes nothing.</summary>
    /// <returns>What an ordinary network reaches, unless the transport says otherwise.</returns>
    TransportReach Reach() => TransportReach.Anywhere;

    /// <summary>Opens this rank's end and starts to accept peers.</summary>
    /// <param name="options">Where to listen.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The endpoint, whose address the peers need.</returns>
    /// <exception cref="UnavailableException">The transport cannot be used here.</exception>
    ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default);
}

/// <summary>One rank's listening end of a transport. Disposing it stops listening; connected groups live on.</summary>
public interface ITransportEndpoint : IAsyncDisposable
{
    /// <summary>How peers reach this endpoint. Opaque to everything but the same transport.</summary>
    string Address { get; }

    /// <summary>Connects this rank with all others of the group and returns once every pair is connected.</summary>
    /// <param name="group">The group, equal on every rank but for <see cref="GroupDescription.Rank"/>.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connected group; the caller disposes it.</returns>
    /// <exception cref="PeerLostException">A peer did not show up within <see cref="GroupDescription.ConnectTimeout"/>.</exception>
    /// <exception cref="ProtocolException">A peer speaks another version, epoch or secret.</exception>
    ValueTask<ICollective> ConnectAsync(GroupDescription group, CancellationToken cancellationToken = default);
}

/// <summary>Where a transport listens.</summary>
public sealed record TransportOptions
{
    /// <summary>The local host name or address to bind and to publish. Loopback by default.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port to bind, or 0 for one chosen by the system.</summary>
    public int Port { get; init; }
}

/// <summary>What the ranks of one group agree on before they connect.</summary>
public sealed record GroupDescription
{
    /// <summary>The plan's epoch. A frame or a peer of another epoch is refused.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>This rank, 0 ≤ rank &lt; size.</summary>
    public required int Rank { get; init; }

    /// <summary>The address of every rank, in rank order.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>A secret shared by the group; a connection that cannot prove it is dropped before anything is parsed.</summary>
    public ReadOnlyMemory<byte> Secret { get; init; }

    /// <summary>How long to wait for all peers to connect.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a collective may wait for a peer before that peer counts as lost. It must exceed the slowest
    /// rank's longest stretch of computing; quicker detection is the heartbeat's work.
    /// </summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How the values of an all-reduce travel; equal on every rank. A transport that cannot do it refuses to connect.</summary>
    public WirePrecision WirePrecision { get; init; } = WirePrecision.Float32;

    /// <summary>The number of ranks.</summary>
    public int Size => Addresses.Count;
}
