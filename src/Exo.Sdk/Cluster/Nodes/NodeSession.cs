using System.Threading.Channels;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Transport.Framing;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Nodes;

/// <summary>The node's side of one control connection: follows the host's orders until the connection ends.</summary>
internal sealed class NodeSession : IAsyncDisposable
{
    /// <summary>A host gives one order at a time; a few more may be on their way when it changes its mind.</summary>
    private const int MostWaitingOrders = 4;

    private static readonly TimeSpan TurnTimeout = TimeSpan.FromSeconds(5);

    private readonly NodeParts _parts;
    private readonly SessionKey _key;
    private readonly string _host;
    private readonly ILogger _logger;
    private readonly ControlChannel _channel;
    private readonly CancellationTokenSource _ending = new();
    private readonly Channel<HostMessage> _orders = System.Threading.Channels.Channel.CreateBounded<HostMessage>(
        new BoundedChannelOptions(MostWaitingOrders) { SingleReader = true });

    private bool _isGreeted;
    private volatile RankRuntime? _runtime;

    private NodeSession(NodeParts parts, ProvenConnection connection, string host, HeartbeatOptions heartbeats, TimeProvider time, ILogger logger)
    {
        _parts = parts;
        _key = connection.Key;
        _host = host;
        _logger = logger;
        _channel = new ControlChannel(new FrameConnection(connection.Socket, ControlChannel.MaxMessage), heartbeats, time, OnMessage);
        (logger as HostLogger)?.Connect(_channel);
        _channel.Start();
    }

    /// <summary>Serves one host until it says stop, is lost, or the token is canceled.</summary>
    /// <param name="parts">What the node offers.</param>
    /// <param name="connection">The host's connection; owned from now on.</param>
    /// <param name="host">The local address that peers reach this node by.</param>
    /// <param name="oneHost">Held while a host is served; null where only one can come.</param>
    /// <param name="heartbeats">What holds until the host has said its own.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to log.</param>
    /// <param name="cancellationToken">Ends the session.</param>
    /// <returns>Why the session ended.</returns>
    public static async Task<string> RunAsync(
        NodeParts parts,
        ProvenConnection connection,
        string host,
        SemaphoreSlim? oneHost,
        HeartbeatOptions heartbeats,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        NodeSession session = new(parts, connection, host, heartbeats, time, logger);
        await using (session.ConfigureAwait(false))
        {
            // The last host may just be leaving; heartbeats keep this one patient meanwhile.
            if (oneHost is not null && !await session.WaitForTurnAsync(oneHost, cancellationToken).ConfigureAwait(false))
            {
                return await session.RefuseAsync("it serves another host").ConfigureAwait(false);
            }

            try
            {
                return await session.RunAsync(cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                oneHost?.Release();
            }
        }
    }

    /// <summary>Releases what is left of the session.</summary>
    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync().ConfigureAwait(false);
        _ending.Dispose();
    }

    /// <summary>Waits until no other host is served, or this one has given up.</summary>
    private async Task<bool> WaitForTurnAsync(SemaphoreSlim oneHost, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TurnTimeout);
        Task turn = oneHost.WaitAsync(limit.Token);
        await Task.WhenAny(turn, _channel.Ended).ConfigureAwait(false);
        await limit.CancelAsync().ConfigureAwait(false);
        await turn.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return turn.IsCompletedSuccessfully;
    }

    /// <summary>Tells the host in place of the hello that it cannot be served.</summary>
    private async Task<string> RefuseAsync(string reason)
    {
        if (_channel.Ended.IsCompleted)
        {
            return await _channel.Ended.ConfigureAwait(false);
        }

        try
        {
            await _channel.SendAsync(new ErrorReply(new RemoteError(nameof(NodeException), reason)), _ending.Token).ConfigureAwait(false);
        }
        catch (NodeException)
        {
            // It has left.
        }

        return $"the host was refused: {reason}";
    }

    private async Task<string> RunAsync(CancellationToken cancellationToken)
    {
        _channel.Post(new NodeHello(
            ControlMessage.ProtocolVersion,
            Environment.MachineName,
            Environment.ProcessId,
            [.. _parts.Backends.Select(backend => backend.Name)],
            [.. _parts.Transports.Select(TransportOffer.Of)]));
        Task work = FollowOrdersAsync();
        using CancellationTokenRegistration registration = cancellationToken.Register(() => _orders.Writer.TryComplete());
        Task first = await Task.WhenAny(_channel.Ended, work).ConfigureAwait(false);
        string reason = first == _channel.Ended
            ? await _channel.Ended.ConfigureAwait(false)
            : cancellationToken.IsCancellationRequested ? "this node is shutting down" : "the host said stop";

        // Rank 0 is the host: without it nothing of this epoch can go on.
        _orders.Writer.TryComplete();
        while (_orders.Reader.TryRead(out _))
        {
            // What still waits is not begun.
        }

        await _ending.CancelAsync().ConfigureAwait(false);
        _runtime?.Abort(lostRank: 0, reason);
        await work.ConfigureAwait(false);
        if (_runtime is { } runtime)
        {
            await runtime.DisposeAsync().ConfigureAwait(false);
        }

        return reason;
    }

    /// <summary>Runs on the channel's reader, so it does nothing that takes time.</summary>
    private void OnMessage(ControlMessage message)
    {
        if (message is not HostMessage order)
        {
            throw new ProtocolException($"A host says no {message.GetType().Name}.");
        }

        if (order is HostHello != !_isGreeted)
        {
            throw new ProtocolException(_isGreeted ? "The host greets twice." : $"The host begins with {message.GetType().Name} instead of its hello.");
        }

        switch (order)
        {
            case HostHello hello:
                _isGreeted = true;
                _channel.Adopt(OrderRules.Check(hello, _parts.Limits));
                break;
            case AbortOrder abort:
                _runtime?.Abort(abort.LostRank, Input.HostileText.Shorten(abort.Reason, 400));
                break;
            case StopOrder:
                _orders.Writer.TryComplete();
                break;
            default:
                if (!_orders.Writer.TryWrite(order) && !_orders.Reader.Completion.IsCompleted && !_ending.IsCancellationRequested)
                {
                    throw new ProtocolException($"The host gave an order while {MostWaitingOrders} others wait.");
                }

                break;
        }
    }

    private async Task FollowOrdersAsync()
    {
        await foreach (HostMessage order in _orders.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            NodeMessage reply;
            try
            {
                reply = order switch
                {
                    OpenOrder open => await OpenAsync(open).ConfigureAwait(false),
                    LoadOrder load => await LoadAsync(load).ConfigureAwait(false),
                    StatusOrder => new StatusReply(Runtime.GetMemory()),
                    _ => throw new ProtocolException($"A node takes no {order.GetType().Name}."),
                };
            }
            catch (Exception error)
            {
                reply = new ErrorReply(RemoteError.Of(error));
            }

            // The next order waits until this host has read the answer, or is found not to read.
            await SendAsync(reply).ConfigureAwait(false);
        }
    }

    private async Task SendAsync(NodeMessage reply)
    {
        try
        {
            await _channel.SendAsync(reply, _ending.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is ExoException or OperationCanceledException)
        {
            _channel.End(error.Message);
        }
    }

    private RankRuntime Runtime => _runtime ?? throw new ProtocolException("The order came before the open order.");

    private async Task<OpenReply> OpenAsync(OpenOrder order)
    {
        if (_runtime is not null)
        {
            throw new ProtocolException("This session has a model already.");
        }

        OrderRules.Check(order);
        _runtime = new RankRuntime(_parts.BackendOf(order.Backend), _parts.TransportOf(order.Transport), _host, _logger);
        return await _runtime
            .OpenAsync(order with { ModelFolder = _parts.Models.Find(order.ModelFolder) }, _parts.Families, _parts.Limits, _ending.Token)
            .ConfigureAwait(false);
    }

    private async Task<LoadReply> LoadAsync(LoadOrder order)
    {
        RankRuntime runtime = Runtime;
        LoadProgressThrottle progress = new(step => _channel.TryPost(new LoadStep(step.LoadedBytes, step.TotalBytes)));
        LoadOrder opened = order with { Secret = _key.Open(order.Epoch, order.SealedSecret) };
        LoadReply reply = await runtime.LoadAsync(opened, progress, _ending.Token).ConfigureAwait(false);
        runtime.StartWorker(runtime.LimitsOf(order), error =>
        {
            if (error is not null)
            {
                Log.WorkerFailed(_logger, order.Assignment.Rank, error);
                if (error is not PeerLostException)
                {
                    _channel.Post(new WorkerFault(RemoteError.Of(error)));
                }
            }
        });
        return reply;
    }
}
