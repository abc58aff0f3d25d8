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
    public ValueTask<ICollective> ConnectAsync(GroupDescription group, CancellationToken cancellationToken = default) =>
        ConnectAsync(group, (links, _) => links, cancellationToken);

    /// <summary>As the other overload, for a transport that meets over TCP and then moves its data another way.</summary>
    /// <param name="group">The group.</param>
    /// <param name="over">
    /// Makes the wires of the collective from the connected TCP wires, on a thread that may block. Where it fails, what
    /// it throws is thrown, and the TCP wires are ended with that reason; else they are the result's to end.
    /// </param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connected group.</returns>
    internal async ValueTask<ICollective> ConnectAsync(
        GroupDescription group, Func<TcpLinkGroup, CancellationToken, LinkGroup> over, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        GroupCheck.Validate(group, address);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposal.Token);
        try
        {
            await _turn.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                LinkGroup links = await ConnectOnThreadAsync(group, over, either.Token).ConfigureAwait(false);
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
    private Task<LinkGroup> ConnectOnThreadAsync(
        GroupDescription group, Func<TcpLinkGroup, CancellationToken, LinkGroup> over, CancellationToken cancellationToken)
    {
        TaskCompletionSource<LinkGroup> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                TcpLinkGroup met = Connect(group, cancellationToken);
                done.SetResult(Extend(group, met, over, cancellationToken));
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

    private static LinkGroup Extend(
        GroupDescription group, TcpLinkGroup met, Func<TcpLinkGroup, CancellationToken, LinkGroup> over, CancellationToken cancellationToken)
    {
        try
        {
            return over(met, cancellationToken);
        }
        catch (Exception failure)
        {
            met.End(new Ending(group.Rank, $"it could not connect: {failure.Message.TrimEnd('.')}"));
            throw;
        }
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
