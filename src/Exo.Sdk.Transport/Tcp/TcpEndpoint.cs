using System.Net.Sockets;
using Exo.Sdk.Transport.Collectives;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>A listening socket and the groups that are connected through it, one at a time.</summary>
/// <param name="transport">How to connect.</param>
/// <param name="listener">The socket, owned from now on.</param>
/// <param name="scheme">What stands before <c>host:port</c> in the addresses of this kind of endpoint.</param>
/// <param name="address">This endpoint's address, scheme included.</param>
/// <param name="upgrade">Makes other links out of connected ones; null where the connections are the links.</param>
internal sealed class TcpEndpoint(
    TcpTransport transport,
    Socket listener,
    string scheme,
    string address,
    LinkUpgrade? upgrade) : ITransportEndpoint
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _disposal = new();
    private int _disposed;

    /// <inheritdoc/>
    public string Address => address;

    /// <inheritdoc/>
    public async ValueTask<ICollective> ConnectAsync(GroupDescription group, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        GroupCheck.Validate(group, address);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposal.Token);
        try
        {
            await _turn.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                LinkGroup links = await ConnectOnThreadAsync(group, either.Token).ConfigureAwait(false);
                return new Collective(links, group, transport.Spin, TcpAddress.CountOnSameHost(group.Addresses, address));
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (OperationCanceledException) when (_disposal.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(TcpEndpoint));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _disposal.CancelAsync().ConfigureAwait(false);
        await _turn.WaitAsync().ConfigureAwait(false);
        listener.Dispose();
        _turn.Release();
    }

    /// <summary>
    /// Connects on a thread of its own: the sockets must never see an asynchronous call, which would tie them to
    /// the runtime's event loop for the rest of their lives.
    /// </summary>
    private Task<LinkGroup> ConnectOnThreadAsync(GroupDescription group, CancellationToken cancellationToken)
    {
        TaskCompletionSource<LinkGroup> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                done.SetResult(Connect(group, cancellationToken));
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        })
        {
            IsBackground = true,
            Name = "exo tcp connect",
        };
        thread.Start();
        return done.Task;
    }

    private LinkGroup Connect(GroupDescription group, CancellationToken cancellationToken)
    {
        GroupDescription plain = group with { Addresses = [.. group.Addresses.Select(WithoutScheme)] };
        using TcpRendezvous rendezvous = new(listener, plain, transport.HandshakeTimeout, transport.UseNativeCalls);
        try
        {
            TcpLinkGroup links = rendezvous.Run(cancellationToken);
            return upgrade is null ? links : upgrade(links, group, cancellationToken);
        }
        catch
        {
            rendezvous.Abandon();
            throw;
        }
    }

    private string WithoutScheme(string peer) => peer.StartsWith(scheme, StringComparison.Ordinal)
        ? peer[scheme.Length..]
        : throw new ConfigurationException($"'{peer}' is not an address of the transport that '{address}' belongs to; all ranks of a group use the same.");
}
