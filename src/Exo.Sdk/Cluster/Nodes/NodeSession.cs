using System.Threading.Channels;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Hosts;
using Exo.Sdk.Transport.Framing;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Nodes;

/// <summary>What a node can offer to a host.</summary>
/// <param name="Backends">Compute backends, preferred first.</param>
/// <param name="Transports">Transports, preferred first.</param>
/// <param name="ModelFolder">Where this node keeps the model; null for the path that the host names.</param>
internal sealed record NodeParts(IReadOnlyList<IComputeBackend> Backends, IReadOnlyList<ITransport> Transports, string? ModelFolder);

/// <summary>The node's side of one control connection: follows the host's orders until the connection ends.</summary>
internal sealed class NodeSession : IAsyncDisposable
{
    private static readonly TimeSpan TurnTimeout = TimeSpan.FromSeconds(5);

    private readonly NodeParts _parts;
    private readonly string _host;
    private readonly ILogger _logger;
    private readonly ControlChannel _channel;
    private readonly CancellationTokenSource _ending = new();
    private readonly Channel<ControlMessage> _orders = System.Threading.Channels.Channel.CreateUnbounded<ControlMessage>();
    private volatile RankRuntime? _runtime;

    private NodeSession(NodeParts parts, FrameConnection connection, string host, TimeSpan interval, TimeSpan hostTimeout, TimeProvider time, ILogger logger)
    {
        _parts = parts;
        _host = host;
        _logger = logger;
        _channel = new ControlChannel(connection, interval, hostTimeout, time, OnMessage);
    }

    /// <summary>Serves one host until it says stop, is lost, or the token is cancelled.</summary>
    /// <param name="parts">What the node offers.</param>
    /// <param name="connection">An authenticated connection; owned from now on.</param>
    /// <param name="host">The local address that peers reach this node by.</param>
    /// <param name="oneHost">Held while a host is served; null where only one can come.</param>
    /// <param name="interval">How often to send a heartbeat.</param>
    /// <param name="hostTimeout">How long the host may be silent.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to log.</param>
    /// <param name="cancellationToken">Ends the session.</param>
    /// <returns>Why the session ended.</returns>
    public static async Task<string> RunAsync(
        NodeParts parts,
        FrameConnection connection,
        string host,
        SemaphoreSlim? oneHost,
        TimeSpan interval,
        TimeSpan hostTimeout,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        NodeSession session = new(parts, connection, host, interval, hostTimeout, time, logger);
        await using (session.ConfigureAwait(false))
        {
            // The last host may just be leaving; heartbeats keep this one patient meanwhile.
            if (oneHost is not null && !await oneHost.WaitAsync(TurnTimeout, cancellationToken).ConfigureAwait(false))
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

    /// <summary>Tells the host in place of the hello that it cannot be served.</summary>
    private async Task<string> RefuseAsync(string reason)
    {
        try
        {
            await _channel.SendAsync(new ErrorReply("Refused", reason), _ending.Token).ConfigureAwait(false);
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
        _runtime?.Abort(lostRank: 0, reason);
        _orders.Writer.TryComplete();
        await _ending.CancelAsync().ConfigureAwait(false);
        await work.ConfigureAwait(false);
        if (_runtime is { } runtime)
        {
            await runtime.DisposeAsync().ConfigureAwait(false);
        }

        return reason;
    }

    private void OnMessage(ControlMessage message)
    {
        switch (message)
        {
            case AbortOrder abort:
                _runtime?.Abort(abort.LostRank, abort.Reason);
                break;
            case StopOrder:
                _orders.Writer.TryComplete();
                break;
            default:
                _orders.Writer.TryWrite(message);
                break;
        }
    }

    private async Task FollowOrdersAsync()
    {
        await foreach (ControlMessage order in _orders.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            ControlMessage reply;
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
                reply = new ErrorReply(error.GetType().Name, error.Message);
            }

            _channel.Post(reply);
        }
    }

    private RankRuntime Runtime => _runtime ?? throw new ProtocolException("The order came before the open order.");

    private async Task<OpenReply> OpenAsync(OpenOrder order)
    {
        if (_runtime is not null)
        {
            throw new ProtocolException("This session has a model already.");
        }

        IComputeBackend backend = Pick(_parts.Backends, candidate => candidate.Name, order.Backend, "compute backend");
        ITransport transport = Pick(_parts.Transports, candidate => candidate.Name, order.Transport, "transport");
        _runtime = new RankRuntime(backend, transport, _host, _logger);
        return await _runtime
            .OpenAsync(order with { ModelFolder = _parts.ModelFolder ?? order.ModelFolder }, _ending.Token)
            .ConfigureAwait(false);
    }

    private async Task<LoadReply> LoadAsync(LoadOrder order)
    {
        RankRuntime runtime = Runtime;
        LoadProgressThrottle progress = new(step => _channel.Post(new LoadStep(step.LoadedBytes, step.TotalBytes)));
        LoadReply reply = await runtime.LoadAsync(order, progress, _ending.Token).ConfigureAwait(false);
        runtime.StartWorker(runtime.LimitsOf(order), error =>
        {
            if (error is not null)
            {
                Log.WorkerFailed(_logger, order.Assignment.Rank, error);
                if (error is not PeerLostException)
                {
                    _channel.Post(new WorkerFault(error.GetType().Name, error.Message));
                }
            }
        });
        return reply;
    }

    private static T Pick<T>(IReadOnlyList<T> candidates, Func<T, string> nameOf, string wanted, string what)
    {
        foreach (T candidate in candidates)
        {
            if (nameOf(candidate) == wanted)
            {
                return candidate;
            }
        }

        throw new UnavailableException($"The host asks for the {what} '{wanted}'; this node has: {string.Join(", ", candidates.Select(nameOf))}.");
    }
}

/// <summary>Lets a progress report through when enough has changed to be worth a message.</summary>
internal sealed class LoadProgressThrottle(Action<LoadProgress> report) : IProgress<LoadProgress>
{
    private const int Steps = 50;
    private int _last = -1;

    public void Report(LoadProgress value)
    {
        int step = value.TotalBytes > 0 ? (int)(value.LoadedBytes * Steps / value.TotalBytes) : Steps;
        if (Interlocked.Exchange(ref _last, step) != step)
        {
            report(value);
        }
    }
}
