using System.Diagnostics.Metrics;
using System.Net;
using Exo.Sdk.Models.Families;
using Exo.Sdk.Planning;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk;

/// <summary>
/// Collects what a cluster is made of and starts it. Every call returns the same builder. Not thread-safe; nothing can be added
/// after <see cref="BuildAsync"/>.
/// </summary>
/// <example>
/// <code>
/// await using Cluster cluster = await new ClusterBuilder()
///     .UseModel("models/Qwen3-0.6B-4bit")
///     .UseLocalRanks(2, RankHosting.ChildProcess)
///     .BuildAsync();
/// await foreach (GeneratedToken token in cluster.GenerateAsync("Tell me a story."))
///     Console.Write(token.Text);
/// </code>
/// </example>
public sealed class ClusterBuilder : IClusterParts<ClusterBuilder>
{
    private ClusterOptions _options = new();
    private bool _isBuilt;

    /// <summary>The folder of the model: <c>config.json</c>, safetensors and tokenizer in Hugging Face form.</summary>
    /// <param name="folder">The folder. Child processes and, unless they are told otherwise, remote nodes open the same path.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseModel(string folder) => With(_options with { ModelFolder = Path.GetFullPath(folder) });

    /// <summary>How many ranks live on this machine, rank 0 in this process included.</summary>
    /// <param name="count">At least 1.</param>
    /// <param name="hosting">Where the ranks after rank 0 live: threads of this process, or child processes of this program.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseLocalRanks(int count, RankHosting hosting = RankHosting.InProcess) => hosting switch
    {
        RankHosting.InProcess or RankHosting.ChildProcess => With(_options with { LocalRanks = count, LocalHosting = hosting }),
        _ => throw new ConfigurationException($"Local ranks cannot be {hosting}; add remote nodes with AddNode."),
    };

    /// <summary>Adds a rank on a node that was started elsewhere (<c>exo node</c>, or <see cref="ExoNode.Start"/>).</summary>
    /// <param name="host">Its host name or address.</param>
    /// <param name="port">Its port.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder AddNode(string host, int port) =>
        With(_options with { RemoteNodes = [.. _options.RemoteNodes, new DnsEndPoint(host, port)] });

    /// <summary>Adds a rank on a node that was started elsewhere.</summary>
    /// <param name="endpoint"><c>host:port</c>.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder AddNode(string endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        int colon = endpoint.LastIndexOf(':');
        return colon > 0 && int.TryParse(endpoint.AsSpan(colon + 1), out int port) && port is > 0 and < 65536
            ? AddNode(endpoint[..colon].Trim('[', ']'), port)
            : throw new ConfigurationException($"'{endpoint}' is not an endpoint; expected host:port, for example 192.168.1.20:7070.");
    }

    /// <summary>The secret that all machines of the cluster share. Required where a node is not on loopback.</summary>
    /// <param name="key">The secret: at least 16 characters, random ones; <c>openssl rand -base64 32</c> makes a good one.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseClusterKey(string? key) => With(_options with { ClusterKey = key });

    /// <summary>How the model is shared out, for example 3 : 1. Without it the planner decides.</summary>
    /// <param name="shares">One positive number for each rank.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseShares(params IReadOnlyList<double> shares) => With(_options with { Shares = shares });

    /// <summary>
    /// The transport of the data plane. Without it: one of <see cref="OfferTransport"/> that every rank has; else in-process where all
    /// ranks are threads of this process, shared memory where all are processes of this machine (TCP where that cannot be used),
    /// TCP where a node that was started elsewhere takes part.
    /// <see cref="Cluster.TransportReason"/> says which and why.
    /// </summary>
    /// <param name="transport">The transport. For child processes it must be an <see cref="IChildProcessPart"/>.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseTransport(ITransport transport) => With(_options with { Transport = transport });

    /// <summary>
    /// Adds a transport to the automatic choice, before the built-in ones and after those that were offered earlier. It is taken if it
    /// can be used here and every node says by its name that it can use it too (RDMA only if also each pair of ranks has a network of it in
    /// common); else <see cref="Cluster.TransportReason"/> says what was
    /// missing where. Threads of one process do without it, and an <see cref="IRdmaTransport"/> is for ranks on different machines.
    /// </summary>
    /// <param name="transport">
    /// The transport. Nodes elsewhere need it in <see cref="NodeOptions.Transports"/>. Where ranks are
    /// child processes it is passed over if it is no <see cref="IChildProcessPart"/>.
    /// </param>
    /// <returns>This builder.</returns>
    public ClusterBuilder OfferTransport(ITransport transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        return With(_options with { OfferedTransports = [.. _options.OfferedTransports, transport] });
    }

    /// <summary>
    /// The compute backend. Without it: the one of the highest <see cref="IComputeBackend.Standing"/> that can be used here and supports the
    /// model, among our own on the CPU and those of <see cref="OfferBackend"/>.
    /// </summary>
    /// <param name="backend">The backend. For child processes it must be an <see cref="IChildProcessPart"/>.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseBackend(IComputeBackend backend) => With(_options with { Backend = backend });

    /// <summary>The compute backend by its name: <c>cpu</c>, or one of <see cref="OfferBackend"/>.</summary>
    /// <param name="name">The name; <see cref="BuildAsync"/> says which package to add where there is none of this name.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseBackend(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(_options with { BackendName = name });
    }

    /// <summary>
    /// Adds a compute backend to the automatic choice. Of equal <see cref="IComputeBackend.Standing"/> the one offered first is taken, after
    /// our own on the CPU. Every rank runs the backend that is chosen.
    /// </summary>
    /// <param name="backend">
    /// The backend. Nodes elsewhere need it in <see cref="NodeOptions.Backends"/>; where ranks are child processes it is passed over if it
    /// is no <see cref="IChildProcessPart"/>.
    /// </param>
    /// <returns>This builder.</returns>
    public ClusterBuilder OfferBackend(IComputeBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return With(_options with { OfferedBackends = [.. _options.OfferedBackends, backend] });
    }

    /// <summary>Adds a model family to those that can be read. Of the same architecture it comes before a built-in one.</summary>
    /// <param name="family">
    /// The family. Nodes elsewhere need it in <see cref="NodeOptions.Families"/>; for child processes its type needs a public constructor
    /// without parameters.
    /// </param>
    /// <returns>This builder.</returns>
    public ClusterBuilder OfferFamily(IModelFamily family)
    {
        ArgumentNullException.ThrowIfNull(family);
        return With(_options with { OfferedFamilies = [.. _options.OfferedFamilies, family] });
    }

    /// <summary>The planner. Without it: <see cref="ShardPlanner"/>.</summary>
    /// <param name="planner">The planner.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UsePlanner(IShardPlanner planner) => With(_options with { Planner = planner });

    /// <summary>The most tokens one sequence may hold, prompt included. Without it: the model's own, at most 4096.</summary>
    /// <param name="tokens">At least 1.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseContextLength(int tokens) => With(_options with { ContextLength = tokens });

    /// <summary>How many sequences are generated at a time; further calls wait their turn.</summary>
    /// <param name="count">At least 1; 4 by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseMaxSequences(int count) => With(_options with { MaxSequences = count });

    /// <summary>The most tokens in one step; longer prompts are prefilled in chunks of it, between other callers' tokens.</summary>
    /// <param name="count">At least the number of concurrent sequences; 256 by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseMaxBatchTokens(int count) => With(_options with { MaxBatchTokens = count });

    /// <summary>Compute threads of each local rank. Without it: the processors divided by the local ranks.</summary>
    /// <param name="count">At least 1.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseThreadsPerRank(int count) => With(_options with { ThreadsPerRank = count });

    /// <summary>How numbers that enter a quantized matrix product are held: exactly, or as 8-bit integers for speed.</summary>
    /// <param name="precision">Exact by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseActivations(ActivationPrecision precision) => With(_options with { Activations = precision });

    /// <summary>How keys and values are held: memory for each token of context against exactness.</summary>
    /// <param name="precision">Half precision by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseKeyValues(KeyValuePrecision precision) => With(_options with { KeyValues = precision });

    /// <summary>
    /// Binds the compute threads of local ranks to processors: thread t of rank r to processor r · threads + t, over again where there are
    /// fewer. Ranks that share a machine then do not chase each other; worse where other programs compete for the same processors.
    /// </summary>
    /// <returns>This builder.</returns>
    public ClusterBuilder PinThreads() => With(_options with { PinsThreads = true });

    /// <summary>Records where rank 0 spends the time of each step. Read it while nothing is generated.</summary>
    /// <param name="timeline">Where to record.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseTimeline(StepTimeline timeline) => With(_options with { Timeline = timeline });

    /// <summary>
    /// How partial sums travel between ranks. Less than full precision is worth its error where the network is slow; within
    /// one machine it costs time. Every rank ends with the same bits in any case.
    /// </summary>
    /// <param name="precision">Float32, exact, by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseWirePrecision(WirePrecision precision) => With(_options with { WirePrecision = precision });

    /// <summary>How host and nodes notice that the other side hangs.</summary>
    /// <param name="heartbeats">The intervals.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseHeartbeats(HeartbeatOptions heartbeats) => With(_options with { Heartbeats = heartbeats });

    /// <summary>How long a collective operation may wait for a peer. Heartbeats notice most losses sooner.</summary>
    /// <param name="deadline">60 s by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseCollectiveDeadline(TimeSpan deadline) => With(_options with { CollectiveDeadline = deadline });

    /// <summary>How long the ranks may take to start, to be reached and to connect with each other; each of these for itself.</summary>
    /// <param name="timeout">10 s by default.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseConnectTimeout(TimeSpan timeout) => With(_options with { ConnectTimeout = timeout });

    /// <summary>Where to log.</summary>
    /// <param name="loggerFactory">The factory.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseLoggerFactory(ILoggerFactory loggerFactory) => With(_options with { LoggerFactory = loggerFactory });

    /// <summary>Makes the meter of the cluster. Without it the cluster has one of its own; listeners find either by the name <c>Exo.Sdk</c>.</summary>
    /// <param name="meterFactory">The factory, for example a service provider's.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseMeterFactory(IMeterFactory meterFactory) => With(_options with { MeterFactory = meterFactory });

    /// <summary>The clock of heartbeats and timings.</summary>
    /// <param name="timeProvider">The clock.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder UseTimeProvider(TimeProvider timeProvider) => With(_options with { TimeProvider = timeProvider });

    /// <summary>Who is told how far the start has come.</summary>
    /// <param name="progress">Called from any thread.</param>
    /// <returns>This builder.</returns>
    public ClusterBuilder ReportProgress(IProgress<ClusterProgress> progress) => With(_options with { Progress = progress });

    /// <summary>Starts the ranks, plans, loads every rank's shard and returns when the cluster takes requests.</summary>
    /// <param name="cancellationToken">Ends the attempt; whatever was started is stopped.</param>
    /// <returns>The running cluster; the caller disposes it.</returns>
    /// <exception cref="ConfigurationException">The options cannot work.</exception>
    /// <exception cref="ModelFormatException">The model folder is damaged.</exception>
    /// <exception cref="UnsupportedModelException">The model is of a kind that cannot be run.</exception>
    /// <exception cref="PlanRefusedException">The ranks cannot hold the model.</exception>
    /// <exception cref="NodeException">A node could not be started or reached, or failed to load.</exception>
    /// <exception cref="PeerLostException">A node that had joined was lost while it opened or loaded the model.</exception>
    /// <exception cref="UnavailableException">The backend or the transport cannot be used here.</exception>
    public Task<Cluster> BuildAsync(CancellationToken cancellationToken = default)
    {
        _options.Validate();
        _isBuilt = true;
        return Cluster.StartAsync(_options, cancellationToken);
    }

    /// <summary>
    /// Says what <see cref="BuildAsync"/> would start, without loading anything: starts the ranks, asks what each has, plans, and stops
    /// them again. The builder can go on.
    /// </summary>
    /// <param name="cancellationToken">Ends the attempt; whatever was started is stopped.</param>
    /// <returns>The plan that the cluster would follow, and the parts it would be made of.</returns>
    /// <exception cref="ExoException">As <see cref="BuildAsync"/>.</exception>
    public Task<ClusterPreview> PlanAsync(CancellationToken cancellationToken = default)
    {
        _options.Validate();
        return Cluster.PreviewAsync(_options, cancellationToken);
    }

    private ClusterBuilder With(ClusterOptions options)
    {
        if (_isBuilt)
        {
            throw new InvalidOperationException("The builder was used already; make a new one for another cluster.");
        }

        _options = options;
        return this;
    }
}
