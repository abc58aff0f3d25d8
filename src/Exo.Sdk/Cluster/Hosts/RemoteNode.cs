using System.Net;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Input;
using Exo.Sdk.Nodes;
using Exo.Sdk.Transport.Framing;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Hosts;

/// <summary>A rank behind a control connection: a child process, or a node that was started elsewhere. It trusts nothing that the node says.</summary>
internal sealed class RemoteNode : INode
{
    private const int LongestText = 1000;
    private const int MostLinesPerSecond = 200;
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan OpenDeadline = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan StatusDeadline = TimeSpan.FromSeconds(10);

    /// <summary>How long a node that was told of a loss may take to end its order; then it is not waited for.</summary>
    private static readonly TimeSpan AbortGrace = TimeSpan.FromMilliseconds(500);

    private readonly ControlChannel _channel;
    private readonly SessionKey _key;
    private readonly ChildProcess? _child;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _oneOrder = new(1, 1);
    private readonly TaskCompletionSource<NodeHello> _hello = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<PeerLostException> _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<NodeMessage>? _reply;
    private LoadProgressThrottle? _progress;
    private long _logSecond;
    private int _logLines;

    private RemoteNode(string name, ProvenConnection connection, ChildProcess? child, HeartbeatOptions heartbeats, TimeProvider time, ILogger logger)
    {
        Name = name;
        _child = child;
        _key = connection.Key;
        _time = time;
        _logger = logger;
        _channel = new ControlChannel(new FrameConnection(connection.Socket, ControlChannel.MaxMessage), heartbeats, time, OnMessage);
        _channel.Start();
        _channel.Post(new HostHello(ControlMessage.ProtocolVersion, heartbeats.Interval.TotalSeconds, heartbeats.Timeout.TotalSeconds));
        _ = WatchAsync();
    }

    public string Name { get; private set; }

    public RankHosting Hosting => _child is null ? RankHosting.Remote : RankHosting.ChildProcess;

    public Task<string> Lost => _lost.Task;

    /// <summary>What the node said that it can use. Only after its hello, so always outside this class.</summary>
    public NodeTransports Transports => new(Name, _hello.Task.Result.Transports);

    /// <summary>The local address that the node is reached from; peers reach this machine by it.</summary>
    public string? LocalHost { get; private init; }

    /// <summary>Waits until a child process reports.</summary>
    /// <param name="child">The process; owned from now on.</param>
    /// <param name="connectTimeout">How long it may take in all.</param>
    /// <param name="heartbeats">What both sides keep to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to log.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NodeException">It ended, hangs, or is too slow.</exception>
    public static async Task<RemoteNode> OfChildAsync(
        ChildProcess child, TimeSpan connectTimeout, HeartbeatOptions heartbeats, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        RemoteNode? node = null;
        try
        {
            long began = time.GetTimestamp();
            ProvenConnection connection = await child.ConnectAsync(connectTimeout, heartbeats.Timeout, cancellationToken).ConfigureAwait(false);
            node = new RemoteNode($"child process {child.Id}", connection, child, heartbeats, time, logger);
            await node.GreetAsync(connectTimeout - time.GetElapsedTime(began), cancellationToken).ConfigureAwait(false);
            return node;
        }
        catch
        {
            child.Kill();
            if (node is not null)
            {
                await node.DisposeAsync().ConfigureAwait(false);
            }

            await child.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Connects to a node that listens.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="key">The cluster's key, stretched.</param>
    /// <param name="connectTimeout">How long it may take in all.</param>
    /// <param name="heartbeats">What both sides keep to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where to log.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="NodeException">Nobody answers there in time, or it does not share the key or the protocol.</exception>
    public static async Task<RemoteNode> ConnectAsync(
        DnsEndPoint endpoint,
        ReadOnlyMemory<byte> key,
        TimeSpan connectTimeout,
        HeartbeatOptions heartbeats,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp();
        ProvenConnection connection = await NodeDialer
            .DialAsync(endpoint, key, connectTimeout, heartbeats.Timeout, time, cancellationToken)
            .ConfigureAwait(false);
        RemoteNode node = new(connection.Peer, connection, child: null, heartbeats, time, logger)
        {
            LocalHost = (connection.Socket.LocalEndPoint as IPEndPoint)?.Address.MapToIPv4IfPossible().ToString(),
        };
        try
        {
            await node.GreetAsync(connectTimeout - time.GetElapsedTime(began), cancellationToken).ConfigureAwait(false);
            return node;
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task<OpenReply> OpenAsync(OpenOrder order, CancellationToken cancellationToken)
    {
        OpenReply reply = await AskAsync<OpenReply>(order, OpenDeadline, cancellationToken).ConfigureAwait(false);
        return reply with
        {
            Device = reply.Device with { Name = HostileText.Shorten(reply.Device.Name), Backend = HostileText.Shorten(reply.Device.Backend) },
        };
    }

    public async Task<LoadReply> LoadAsync(LoadOrder order, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        _progress = progress is null ? null : new LoadProgressThrottle(progress.Report);
        LoadOrder told = order with { SealedSecret = _key.Seal(order.Epoch, order.Secret) };
        return await AskAsync<LoadReply>(told, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
    }

    public async Task<RankMemory> GetMemoryAsync(CancellationToken cancellationToken) =>
        (await AskAsync<StatusReply>(new StatusOrder(), StatusDeadline, cancellationToken).ConfigureAwait(false)).Memory;

    public void Abort(int lostRank, string reason)
    {
        _channel.Post(new AbortOrder(lostRank, reason));
        _aborted.TrySetResult(new PeerLostException(lostRank, reason));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_lost.Task.IsCompleted)
        {
            _channel.Post(new StopOrder());

            // An orderly node closes its end; one that hangs is left to the kill below or to its own heartbeats.
            await Task.WhenAny(_channel.Ended, Task.Delay(StopDeadline)).ConfigureAwait(false);
        }

        bool hasClosed = _channel.HasPeerClosed;
        await _channel.DisposeAsync().ConfigureAwait(false);
        if (_child is not null)
        {
            if (!hasClosed)
            {
                _child.Kill();
            }

            await _child.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task GreetAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        Task<NodeHello> hello = _hello.Task;
        TimeSpan left = timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero;
        Task first = await Task.WhenAny(hello, Lost, Task.Delay(left, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (first != hello)
        {
            throw new NodeException(Name, Lost.IsCompleted ? await Lost.ConfigureAwait(false) : "it does not say hello in time");
        }

        NodeHello said = await hello.ConfigureAwait(false);
        if (said.Version != ControlMessage.ProtocolVersion)
        {
            throw new NodeException(
                Name,
                $"it speaks control protocol {said.Version}, this side {ControlMessage.ProtocolVersion}; use the same version of Exo SDK on every node");
        }

        if (_child is null)
        {
            Name = $"{HostileText.Shorten(said.Name)} ({Name})";
        }
    }

    private async Task<T> AskAsync<T>(HostMessage order, TimeSpan deadline, CancellationToken cancellationToken)
        where T : NodeMessage
    {
        await _oneOrder.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            TaskCompletionSource<NodeMessage> reply = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _reply, reply);
            await SendAsync(order, cancellationToken).ConfigureAwait(false);
            using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task first = await Task
                .WhenAny(reply.Task, Lost, AbortGraceAsync(ended.Token), Task.Delay(deadline, _time, ended.Token))
                .ConfigureAwait(false);
            await ended.CancelAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (first == Lost)
            {
                throw new NodeException(Name, await Lost.ConfigureAwait(false));
            }

            if (first != reply.Task)
            {
                throw _aborted.Task.IsCompleted
                    ? await _aborted.Task.ConfigureAwait(false)
                    : new NodeException(Name, $"it did not answer {order.GetType().Name} within {deadline.TotalSeconds:F0} s");
            }

            return await reply.Task.ConfigureAwait(false) switch
            {
                T answer => answer,
                ErrorReply refusal => throw refusal.Error.ToException(Name),
                NodeMessage other => throw new ProtocolException($"{Name} answered an order of {order.GetType().Name} with {other.GetType().Name}."),
            };
        }
        finally
        {
            Volatile.Write(ref _reply, null);
            _oneOrder.Release();
        }
    }

    private async Task SendAsync(HostMessage order, CancellationToken cancellationToken)
    {
        try
        {
            await _channel.SendAsync(order, cancellationToken).ConfigureAwait(false);
        }
        catch (NodeException error)
        {
            // The channel has ended; it does not know its peer's name.
            throw new NodeException(Name, await Lost.ConfigureAwait(false), error);
        }
    }

    private async Task AbortGraceAsync(CancellationToken cancellationToken)
    {
        await _aborted.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        await Task.Delay(AbortGrace, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs on the channel's reader, so it does nothing that takes time.</summary>
    private void OnMessage(ControlMessage message)
    {
        switch (message)
        {
            case NodeHello hello:
                _hello.TrySetResult(hello);
                break;
            case LoadStep step:
                _progress?.Report(new LoadProgress(step.LoadedBytes, step.TotalBytes));
                break;
            case LogLine line:
                Forward(line);
                break;
            case ErrorReply refusal when !_hello.Task.IsCompleted:
                _lost.TrySetResult(HostileText.Shorten(refusal.Error.Message, LongestText));
                break;
            case WorkerFault fault:
                _lost.TrySetResult($"its worker failed: {fault.Error}");
                break;
            case NodeMessage reply:
                Volatile.Read(ref _reply)?.TrySetResult(reply);
                break;
            default:
                throw new ProtocolException($"A node says no {message.GetType().Name}.");
        }
    }

    /// <summary>Logs a child's line as it would have logged it, so many a second at most.</summary>
    private void Forward(LogLine line)
    {
        long second = _time.GetTimestamp() / _time.TimestampFrequency;
        if (second != _logSecond)
        {
            (_logSecond, _logLines) = (second, 0);
        }

        if (_child is not null && ++_logLines <= MostLinesPerSecond && line.Level is >= (int)LogLevel.Trace and < (int)LogLevel.None)
        {
            Log.ChildLogged(_logger, (LogLevel)line.Level, _child.Id, line.EventId, HostileText.Shorten(line.Text, 2 * LongestText));
        }
    }

    private async Task WatchAsync()
    {
        string reason = HostileText.Shorten(await _channel.Ended.ConfigureAwait(false), LongestText);
        string? lastWords = _child?.LastWords();
        _lost.TrySetResult(string.IsNullOrEmpty(lastWords) ? reason : $"{reason}; its last output: {lastWords}");
    }
}

file static class Addresses
{
    /// <summary>An IPv4 address in IPv6 clothes as plain IPv4.</summary>
    public static IPAddress MapToIPv4IfPossible(this IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
