using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Hosts;
using Exo.Sdk.Models.Families;
using Exo.Sdk.Nodes;
using Exo.Sdk.Transport;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Exo.Sdk;

/// <summary>How a node serves.</summary>
public sealed record NodeOptions : IClusterParts<NodeOptions>
{
    /// <summary>Where to listen; port 0 for one chosen by the system.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>The key shared by all machines of the cluster. Required unless the node listens on loopback only.</summary>
    public string? ClusterKey { get; init; }

    /// <summary>The one model that this node serves; null where hosts may choose among those below <see cref="ModelRoots"/>.</summary>
    public string? ModelFolder { get; init; }

    /// <summary>
    /// Folders below which this node keeps models, used where <see cref="ModelFolder"/> is null. A host names a model by its path, if that
    /// lies here too, or by the name of its folder; whatever lies elsewhere is not opened, links resolved. Null for <c>exo-models</c>
    /// beside the program.
    /// </summary>
    public IReadOnlyList<string>? ModelRoots { get; init; }

    /// <summary>The most that a host may ask for.</summary>
    public NodeLimits Limits { get; init; } = new();

    /// <summary>Compute backends that hosts may choose; null for our own on the CPU.</summary>
    public IReadOnlyList<IComputeBackend>? Backends { get; init; }

    /// <summary>
    /// Transports that hosts may choose; null for the built-in ones. A list replaces these, so it should hold a <see cref="TcpTransport"/> as well.
    /// </summary>
    public IReadOnlyList<ITransport>? Transports { get; init; }

    /// <summary>Model families beside the built-in ones.</summary>
    public IReadOnlyList<IModelFamily> Families { get; init; } = [];

    /// <summary>How many connections the node bears, and for how long without proof of the key.</summary>
    public AdmissionLimits Admission { get; init; } = new();

    /// <summary>Heartbeats.</summary>
    public HeartbeatOptions Heartbeats { get; init; } = new();

    /// <summary>Where to log.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>These options with one more compute backend that hosts may choose.</summary>
    /// <param name="backend">The backend.</param>
    /// <returns>The changed copy.</returns>
    public NodeOptions OfferBackend(IComputeBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return this with { Backends = [.. Backends ?? BackendChoice.BuiltIn(), backend] };
    }

    /// <summary>These options with one more transport that hosts may choose.</summary>
    /// <param name="transport">The transport.</param>
    /// <returns>The changed copy.</returns>
    public NodeOptions OfferTransport(ITransport transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return this with { Transports = [.. Transports ?? BuiltInTransports(), transport] };
    }

    private static ITransport[] BuiltInTransports() => [new TcpTransport(), new SharedMemoryTransport()];

    internal NodeParts Parts() => new(
        Backends ?? BackendChoice.BuiltIn(),
        Transports ?? BuiltInTransports(),
        Families,
        ModelFolder is { } folder
            ? Nodes.ModelRoots.Only(folder)
            : Nodes.ModelRoots.Below(ModelRoots ?? [Path.Combine(AppContext.BaseDirectory, "exo-models")]),
        Limits);

    internal ReadOnlyMemory<byte> Secret() => ClusterKey is null ? default : Transport.Sealing.ClusterKey.Stretch(ClusterKey);

    internal void Validate()
    {
        Heartbeats.Validate();
        Limits.Validate();
        if (ClusterKey is not null)
        {
            Transport.Sealing.ClusterKey.Require(ClusterKey, "NodeOptions.ClusterKey");
        }
        else if (!IPAddress.IsLoopback(Listen.Address))
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
    private static readonly TimeSpan ParentTimeout = TimeSpan.FromSeconds(10);

    private readonly NodeOptions _options;
    private readonly ILogger _logger;
    private readonly NodeParts _parts;
    private readonly ProvenListener _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _oneHost = new(1, 1);

    private ExoNode(NodeOptions options)
    {
        _options = options;
        _logger = options.LoggerFactory.CreateLogger<ExoNode>();
        _parts = options.Parts();
        _listener = ProvenListener.Start(
            options.Listen,
            options.Secret(),
            options.Admission,
            options.TimeProvider,
            ServeAsync,
            report => Log.ConnectionsRefused(_logger, report.Count, report.Peer, report.Reason));
        Log.NodeListening(_logger, Endpoint.ToString());
    }

    /// <summary>Where the node listens.</summary>
    public IPEndPoint Endpoint => _listener.Endpoint;

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
        await _listener.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _oneHost.Dispose();
    }

    private async Task ServeAsync(ProvenConnection connection)
    {
        Log.NodeSessionStarted(_logger, connection.Peer);
        string host = (connection.Socket.LocalEndPoint as IPEndPoint)?.Address.ToString() ?? IPAddress.Loopback.ToString();
        string reason = await NodeSession
            .RunAsync(_parts, connection, host, _oneHost, _options.Heartbeats, _options.TimeProvider, _logger, _stopping.Token)
            .ConfigureAwait(false);
        Log.NodeSessionEnded(_logger, reason);
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
            [bootstrap.Backend.Make<IComputeBackend>()],
            bootstrap.Transport is { } transport
                ? [transport.Make<ITransport>()]
                : [.. MakeOffered(bootstrap.OfferedTransports), new SharedMemoryTransport(), new TcpTransport()],
            [.. bootstrap.Families.Select(family => family.Make<IModelFamily>())],
            ModelRoots.Anywhere,
            NodeLimits.OfChild);
        HeartbeatOptions heartbeats = new()
        {
            Interval = TimeSpan.FromMilliseconds(bootstrap.HeartbeatIntervalMs),
            Timeout = TimeSpan.FromMilliseconds(bootstrap.HeartbeatTimeoutMs),
        };
        ProvenConnection connection = await DialParentAsync(bootstrap, heartbeats.Timeout).ConfigureAwait(false);
        return await NodeSession
            .RunAsync(
                parts,
                connection,
                IPAddress.Loopback.ToString(),
                oneHost: null,
                heartbeats,
                TimeProvider.System,
                new HostLogger((LogLevel)bootstrap.LogLevel),
                CancellationToken.None)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// A parent may be slow while it starts many children, but one that is stopped is not waited for: for half as long as later, because this
    /// process has spent the other half on its own start.
    /// </summary>
    private static async Task<ProvenConnection> DialParentAsync(NodeBootstrap bootstrap, TimeSpan stillness)
    {
        using CancellationTokenSource ended = new();
        DnsEndPoint endpoint = new(IPAddress.Loopback.ToString(), bootstrap.Port, AddressFamily.InterNetwork);
        Task<ProvenConnection> dialing = NodeDialer.DialAsync(endpoint, bootstrap.Secret, ParentTimeout, ParentTimeout, TimeProvider.System, ended.Token);
        Task stopped = StoppedProcess.WatchAsync(StoppedProcess.Parent(), stillness / 2, ended.Token);
        Task first = await Task.WhenAny(dialing, stopped).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        return first == dialing
            ? await dialing.ConfigureAwait(false)
            : throw new NodeException("parent", $"it was stopped for more than {stillness.TotalMilliseconds / 2:F0} ms");
    }

    /// <summary>The transports that can be made here. What is missing the parent hears from the hello, and why from this output.</summary>
    private static IEnumerable<ITransport> MakeOffered(PartRecipe[] recipes)
    {
        foreach (PartRecipe recipe in recipes)
        {
            ITransport? transport = null;
            try
            {
                transport = recipe.Make<ITransport>();
            }
            catch (ExoException error)
            {
                Console.Error.WriteLine(error.Message);
            }

            if (transport is not null)
            {
                yield return transport;
            }
        }
    }
}
