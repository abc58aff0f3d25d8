using System.Net.Sockets;
using Exo.Sdk.Collectives;

namespace Exo.Sdk.Transport;

/// <summary>A listening socket and the groups that are connected through it, one at a time.</summary>
internal sealed class TcpEndpoint(TcpTransport transport, Socket listener, string address) : ITransportEndpoint
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
                TcpLinkGroup links = await ConnectOnThreadAsync(group, either.Token).ConfigureAwait(false);
                return new Collective(links, new WaitLimits(transport.Spin, group.Deadline));
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
    private Task<TcpLinkGroup> ConnectOnThreadAsync(GroupDescription group, CancellationToken cancellationToken)
    {
        TaskCompletionSource<TcpLinkGroup> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
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

    private TcpLinkGroup Connect(GroupDescription group, CancellationToken cancellationToken)
    {
        using TcpRendezvous rendezvous = new(listener, group, transport.HandshakeTimeout, transport.UseNativeCalls);
        try
        {
            return rendezvous.Run(cancellationToken);
        }
        catch
        {
            rendezvous.Abandon();
            throw;
        }
    }
}
