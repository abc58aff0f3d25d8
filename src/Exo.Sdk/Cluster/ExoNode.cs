using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Nodes;
using Exo.Sdk.Transport;
using Exo.Sdk.Transport.Framing;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Exo.Sdk;

/// <summary>How a node serves.</summary>
public sealed record NodeOptions
{
    /// <summary>Where to listen; port 0 for one chosen by the system.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>The key shared by all machines of the cluster. Required unless the node listens on loopback only.</summary>
    public string? ClusterKey { get; init; }

    /// <summary>Where this node keeps the model; null for the path that the host names.</summary>
    public string? ModelFolder { get; init; }

    /// <summary>Compute backends, preferred first; null for the built-in ones.</summary>
    public IReadOnlyList<IComputeBackend>? Backends { get; init; }

    /// <summary>
    /// Transports that hosts may choose; null for the built-in ones. A list replaces these, so it should hold a <see cref="TcpTransport"/> as well.
    /// </summary>
    public IReadOnlyList<ITransport>? Transports { get; init; }

    /// <summary>Heartbeats.</summary>
    public HeartbeatOptions Heartbeats { get; init; } = new();

    /// <summary>Where to log.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal NodeParts Parts() => new(Backends ?? BuiltInBackends.All(), Transports ?? [new TcpTransport(), new SharedMemoryTransport()], ModelFolder);

    internal ReadOnlyMemory<byte> KeyBytes() => ClusterKey is null ? default : Encoding.UTF8.GetBytes(ClusterKey);

    internal void Validate()
    {
        Heartbeats.Validate();
        if (!IPAddress.IsLoopback(Listen.Address) && string.IsNullOrWhiteSpace(ClusterKey))
        {
            throw new ConfigurationException(
                $"A node that listens on {Listen} is reachable from other machines and needs a cluster key; give the same key to node and host, or listen on loopback.");
        }
    }
}

/// <summary>
/// A node that waits for hosts: serves one at a time, follows its orders, and waits for the next one when it leaves or is lost.
/// </summary>
public sealed class ExoNode : IAsyncDisposable
{
    private const int MaxConnections = 16;
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    private readonly NodeOptions _options;
    private readonly ILogger _logger;
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _oneHost = new(1, 1);
    private readonly Task _serving;

    private ExoNode(NodeOptions options)
    {
        _options = options;
        _logger = options.LoggerFactory.CreateLogger<ExoNode>();
        _listener = new TcpListener(options.Listen);
        _listener.Start();
        Endpoint = (IPEndPoint)_listener.LocalEndpoint;
        Log.NodeListening(_logger, Endpoint.ToString());
        _serving = Task.Run(ServeAsync);
    }

    /// <summary>Where the node listens.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Starts to listen.</summary>
    /// <param name="options">How to serve; null for loopback on a free port.</param>
    /// <returns>The running node.</returns>
    /// <exception cref="ConfigurationException">The options cannot work.</exception>
    /// <exception cref="SocketException">The endpoint cannot be bound.</exception>
    public static ExoNode Start(NodeOptions? options = null)
    {
        options ??= new NodeOptions();
        options.Validate();
        return new ExoNode(options);
    }

    /// <summary>
    /// Makes this process a node when a host started it as its child, and returns only in a process that is not one. Ordinary programs
    /// need not call it: a startup hook does. Programs published ahead of time or trimmed have no hooks and call it first thing in Main.
    /// </summary>
    public static void RunIfChild()
    {
        if (Environment.GetEnvironmentVariable(NodeBootstrap.Variable) == "1")
        {
            Environment.SetEnvironmentVariable(NodeBootstrap.Variable, null);
            Environment.SetEnvironmentVariable("DOTNET_STARTUP_HOOKS", null);
            Environment.Exit(RunChild());
        }
    }

    /// <summary>Stops listening and ends the session under way.</summary>
    /// <returns>A task that ends when nothing of the node is left.</returns>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _serving.ConfigureAwait(false);
        _stopping.Dispose();
        _oneHost.Dispose();
    }

    private async Task ServeAsync()
    {
        NodeParts parts = _options.Parts();
        List<Task> connections = [];
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Socket socket = await _listener.AcceptSocketAsync(_stopping.Token).ConfigureAwait(false);
                connections.RemoveAll(connection => connection.IsCompleted);
                if (connections.Count < MaxConnections)
                {
                    connections.Add(ServeOneAsync(parts, socket));
                }
                else
                {
                    socket.Dispose();
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                if (!_stopping.IsCancellationRequested)
                {
                    Log.ConnectionRefused(_logger, "?", error.Message);
                }
            }
        }

        await Task.WhenAll(connections).ConfigureAwait(false);
    }

    private async Task ServeOneAsync(NodeParts parts, Socket socket)
    {
        string peer = "?";
        try
        {
            peer = socket.RemoteEndPoint?.ToString() ?? peer;
            socket.NoDelay = true;
            NetworkStream stream = new(socket, ownsSocket: false);
            await using (stream.ConfigureAwait(false))
            {
                await SharedSecretHandshake
                    .AuthenticateAsync(stream, _options.KeyBytes(), HandshakeRole.Listener, HandshakeTimeout, _options.TimeProvider, _stopping.Token)
                    .ConfigureAwait(false);
            }

            string host = (socket.LocalEndPoint as IPEndPoint)?.Address.ToString() ?? IPAddress.Loopback.ToString();
            Log.NodeSessionStarted(_logger, peer);
            string reason = await NodeSession
                .RunAsync(parts, new FrameConnection(socket), host, _oneHost, _options.Heartbeats.Interval, _options.Heartbeats.HostTimeout, _options.TimeProvider, _logger, _stopping.Token)
                .ConfigureAwait(false);
            Log.NodeSessionEnded(_logger, reason);
        }
        catch (Exception error) when (error is ProtocolException or SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            Log.ConnectionRefused(_logger, peer, error.Message);
            socket.Dispose();
        }
    }

    /// <summary>The whole life of a child process. Standard output belongs to the parent's log.</summary>
    private static int RunChild()
    {
        // On a terminal Ctrl-C reaches the whole process group; when this rank ends is the parent's decision.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static signal => signal.Cancel = true);
        try
        {
            string? line = Console.In.ReadLine();
            NodeBootstrap bootstrap = line is null
                ? throw new ProtocolException("The parent closed standard input before it said what to do.")
                : JsonSerializer.Deserialize(line, BootstrapJson.Default.NodeBootstrap)
                    ?? throw new ProtocolException("The parent's first line is null.");
            Task<string> session = Task.Run(() => RunChildAsync(bootstrap));

            // The parent holds the other end of standard input: its end means that the parent has gone.
            Task orphaned = Task.Factory.StartNew(
                () =>
                {
                    while (Console.In.ReadLine() is not null)
                    {
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            Task.WaitAny(session, orphaned);
            if (!session.IsCompleted)
            {
                // Give an orderly end a moment; the process ends in any case, whatever still computes.
                session.Wait(TimeSpan.FromSeconds(1));
            }

            return session.IsFaulted ? throw session.Exception!.InnerException! : 0;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine($"{error.GetType().Name}: {error.Message}");
            return 1;
        }
    }

    private static async Task<string> RunChildAsync(NodeBootstrap bootstrap)
    {
        NodeParts parts = new(
            Make<IComputeBackend>(bootstrap.BackendType) is { } backend ? [backend] : BuiltInBackends.All(),
            Make<ITransport>(bootstrap.TransportType) is { } transport
                ? [transport]
                : [.. MakeOffered(bootstrap.OfferedTransportTypes), new SharedMemoryTransport(), new TcpTransport()],
            ModelFolder: null);
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, bootstrap.Port)).ConfigureAwait(false);
        NetworkStream stream = new(socket, ownsSocket: false);
        await using (stream.ConfigureAwait(false))
        {
            await SharedSecretHandshake
                .AuthenticateAsync(stream, bootstrap.Secret, HandshakeRole.Dialer, HandshakeTimeout, TimeProvider.System, CancellationToken.None)
                .ConfigureAwait(false);
        }

        return await NodeSession
            .RunAsync(
                parts,
                new FrameConnection(socket),
                IPAddress.Loopback.ToString(),
                oneHost: null,
                TimeSpan.FromMilliseconds(bootstrap.HeartbeatIntervalMs),
                TimeSpan.FromMilliseconds(bootstrap.HostTimeoutMs),
                TimeProvider.System,
                NullLogger.Instance,
                CancellationToken.None)
            .ConfigureAwait(false);
    }

    /// <summary>The transports that can be made here. What is missing the parent hears from the hello, and why from this output.</summary>
    private static IEnumerable<ITransport> MakeOffered(string[] typeNames)
    {
        foreach (string typeName in typeNames)
        {
            ITransport? transport = null;
            try
            {
                transport = Make<ITransport>(typeName);
            }
            catch (UnavailableException error)
            {
                Console.Error.WriteLine(error.Message);
            }

            if (transport is not null)
            {
                yield return transport;
            }
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2057", Justification = "Only the parent's own types are named, and a program that is trimmed keeps to the defaults.")]
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "As above; a type without the constructor is a typed error.")]
    private static T? Make<T>(string? typeName)
        where T : class
    {
        if (typeName is null)
        {
            return null;
        }

        Type type = Type.GetType(typeName) ?? throw new UnavailableException($"The type {typeName} cannot be loaded in the child process.");
        try
        {
            return (T)Activator.CreateInstance(type)!;
        }
        catch (Exception error) when (error is MissingMethodException or InvalidCastException)
        {
            throw new UnavailableException(
                $"{typeName} cannot be made in a child process: it needs a public constructor without parameters and must implement {typeof(T).Name}.", error);
        }
    }
}
