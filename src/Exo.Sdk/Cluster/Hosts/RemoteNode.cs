using System.Net;
using System.Net.Sockets;
using Exo.Sdk.Control;
using Exo.Sdk.Transport.Framing;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Hosts;

/// <summary>A rank behind a control connection: a child process, or a node that was started elsewhere.</summary>
internal sealed class RemoteNode : INode
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(3);

    /// <summary>While a process starts and loads it may be too busy to speak; until then no text depends on it.</summary>
    private static readonly TimeSpan StartSilence = TimeSpan.FromSeconds(10);

    private readonly TimeSpan _nodeTimeout;
    private readonly ControlChannel _channel;
    private readonly ChildProcess? _child;
    private readonly SemaphoreSlim _oneOrder = new(1, 1);
    private readonly TaskCompletionSource<NodeHello> _hello = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<ControlMessage>? _reply;
    private IProgress<LoadProgress>? _progress;

    private RemoteNode(string name, FrameConnection connection, ChildProcess? child, HeartbeatOptions heartbeats, TimeProvider time)
    {
        Name = name;
        _child = child;
        _nodeTimeout = heartbeats.NodeTimeout;
        _channel = new ControlChannel(connection, heartbeats.Interval, Longest(_nodeTimeout, StartSilence), time, OnMessage);
        _ = WatchAsync();
    }

    public string Name { get; private set; }

    public RankHosting Hosting => _child is null ? RankHosting.Remote : RankHosting.ChildProcess;

    public Task<string> Lost => _lost.Task;

    /// <summary>What the node said that it can use. Only after its hello, so always outside this class.</summary>
    public NodeTransports Transports => new(Name, _hello.Task.Result.Transports);

    /// <summary>The local address that the node is reached from; peers reach this machine by it.</summary>
    public string? LocalHost { get; private init; }

    /// <summary>Starts a child process and waits for it to report.</summary>
    public static async Task<RemoteNode> StartChildAsync(
        ChildProcess child, HeartbeatOptions heartbeats, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            Socket socket = await child.ConnectAsync(HandshakeTimeout, cancellationToken).ConfigureAwait(false);
            RemoteNode node = new($"child process {child.Id}", new FrameConnection(socket), child, heartbeats, time);
            await node.GreetAsync(cancellationToken).ConfigureAwait(false);
            return node;
        }
        catch
        {
            await child.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Connects to a node that listens.</summary>
    /// <exception cref="NodeException">Nobody answers there, or it does not share the key or the protocol.</exception>
    public static async Task<RemoteNode> ConnectAsync(
        DnsEndPoint endpoint, ReadOnlyMemory<byte> key, HeartbeatOptions heartbeats, TimeProvider time, CancellationToken cancellationToken)
    {
        string name = $"{endpoint.Host}:{endpoint.Port}";
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(HandshakeTimeout);
            await socket.ConnectAsync(endpoint, limit.Token).ConfigureAwait(false);
            NetworkStream stream = new(socket, ownsSocket: false);
            await using (stream.ConfigureAwait(false))
            {
                await SharedSecretHandshake
                    .AuthenticateAsync(stream, key, HandshakeRole.Dialer, HandshakeTimeout, time, cancellationToken)
                    .ConfigureAwait(false);
            }

            RemoteNode node = new(name, new FrameConnection(socket), child: null, heartbeats, time)
            {
                LocalHost = (socket.LocalEndPoint as IPEndPoint)?.Address.MapToIPv4IfPossible().ToString(),
            };
            await node.GreetAsync(cancellationToken).ConfigureAwait(false);
            return node;
        }
        catch (Exception error) when (error is SocketException or ProtocolException
            || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            socket.Dispose();
            throw new NodeException(
                name,
                $"cannot be reached: {error.Message} Is 'exo node' running there, with the same cluster key?",
                error);
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task<OpenReply> OpenAsync(OpenOrder order, CancellationToken cancellationToken) =>
        await AskAsync<OpenReply>(order, cancellationToken).ConfigureAwait(false);

    public async Task<LoadReply> LoadAsync(LoadOrder order, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        _progress = progress;
        LoadReply reply = await AskAsync<LoadReply>(order, cancellationToken).ConfigureAwait(false);
        _channel.SilenceLimit = _nodeTimeout;
        return reply;
    }

    public async Task<RankMemory> GetMemoryAsync(CancellationToken cancellationToken) =>
        (await AskAsync<StatusReply>(new StatusOrder(), cancellationToken).ConfigureAwait(false)).Memory;

    public void Abort(int lostRank, string reason) => _channel.Post(new AbortOrder(lostRank, reason));

    public async ValueTask DisposeAsync()
    {
        if (!_lost.Task.IsCompleted)
        {
            _channel.Post(new StopOrder());

            // An orderly node closes its end; one that hangs is left to the kill below or to its own deadline.
            await Task.WhenAny(_channel.Ended, Task.Delay(StopDeadline)).ConfigureAwait(false);
        }

        await _channel.DisposeAsync().ConfigureAwait(false);
        if (_child is not null)
        {
            await _child.DisposeAsync().ConfigureAwait(false);
        }

        _oneOrder.Dispose();
    }

    private async Task GreetAsync(CancellationToken cancellationToken)
    {
        Task<NodeHello> hello = _hello.Task;
        Task first = await Task.WhenAny(hello, Lost, Task.Delay(HandshakeTimeout, cancellationToken)).ConfigureAwait(false);
        string? problem = first != hello
            ? (Lost.IsCompleted ? await Lost.ConfigureAwait(false) : "it does not say hello")
            : hello.Result.Version != ControlMessage.ProtocolVersion
                ? $"it speaks control protocol {hello.Result.Version}, this side {ControlMessage.ProtocolVersion}; use the same version of Exo SDK on every node"
                : null;
        if (problem is not null)
        {
            await DisposeAsync().ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            throw new NodeException(Name, problem);
        }

        if (_child is null)
        {
            Name = $"{hello.Result.Name} ({Name})";
        }
    }

    private async Task<T> AskAsync<T>(ControlMessage order, CancellationToken cancellationToken)
        where T : ControlMessage
    {
        await _oneOrder.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            TaskCompletionSource<ControlMessage> reply = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _reply, reply);
            await _channel.SendAsync(order, cancellationToken).ConfigureAwait(false);
            Task first = await Task.WhenAny(reply.Task, Lost).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (first != reply.Task)
            {
                throw new NodeException(Name, await Lost.ConfigureAwait(false));
            }

            return await reply.Task.ConfigureAwait(false) switch
            {
                T answer => answer,
                ErrorReply error => throw new NodeException(Name, $"{error.Message} ({error.Kind})"),
                ControlMessage other => throw new ProtocolException($"{Name} answered an order of {order.GetType().Name} with {other.GetType().Name}."),
            };
        }
        finally
        {
            Volatile.Write(ref _reply, null);
            _oneOrder.Release();
        }
    }

    private static TimeSpan Longest(TimeSpan one, TimeSpan other) => one > other ? one : other;

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
            case ErrorReply refusal when !_hello.Task.IsCompleted:
                _lost.TrySetResult(refusal.Message);
                break;
            case WorkerFault fault:
                _lost.TrySetResult($"its worker failed: {fault.Message} ({fault.Kind})");
                break;
            default:
                Volatile.Read(ref _reply)?.TrySetResult(message);
                break;
        }
    }

    private async Task WatchAsync()
    {
        string reason = await _channel.Ended.ConfigureAwait(false);
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
