using Exo.Sdk.Rdma.Connecting;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Rdma;

/// <summary>One rank's end: it listens on TCP, and turns a group that has met there into one over queue pairs.</summary>
internal sealed class RdmaEndpoint(RdmaTransport transport, TcpEndpoint side) : ITransportEndpoint
{
    /// <inheritdoc/>
    public string Address => side.Address;

    /// <inheritdoc/>
    /// <exception cref="UnavailableException">A device refuses: a limit is reached, or no device reaches a peer.</exception>
    public ValueTask<ICollective> ConnectAsync(GroupDescription group, CancellationToken cancellationToken = default) =>
        side.ConnectAsync(
            group,
            (links, token) =>
            {
                Links.RdmaLinkGroup connected = PairExchange.Connect(transport, group, links, token);
                transport.Connected?.Invoke(group.Rank, connected);
                return connected;
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => side.DisposeAsync();
}
