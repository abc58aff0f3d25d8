using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Hosts;
using Exo.Sdk.Models;
using Exo.Sdk.Nodes;
using Exo.Sdk.Planning;
using Exo.Sdk.Transport.Sealing;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Epochs;

/// <summary>The way from a model to an epoch: start the nodes, plan, load. What was started is stopped when a step fails.</summary>
internal sealed class EpochStart
{
    private const int DefaultContextLimit = 4096;

    private readonly ClusterOptions _options;
    private readonly OpenModel _model;
    private readonly ClusterMeter _meter;
    private readonly ILogger _logger;
    private readonly IReadOnlyList<TransportCandidate> _candidates;
    private TransportChoice? _chosenTransport;
    private readonly List<INode> _nodes = [];

    private EpochStart(ClusterOptions options, OpenModel model, IComputeBackend backend, ClusterMeter meter, ILogger logger)
    {
        _options = options;
        _model = model;
        Backend = backend;
        _meter = meter;
        _logger = logger;
        _candidates = TransportCandidate.Of(options);
    }

    private IComputeBackend Backend { get; }

    private TransportChoice Transport => _chosenTransport!;

    /// <summary>Starts an epoch.</summary>
    /// <param name="options">What the cluster is made of.</param>
    /// <param name="model">The model; it must stay open as long as the epoch lives.</param>
    /// <param name="backend">The compute backend, which runs the model.</param>
    /// <param name="meter">What is counted and timed.</param>
    /// <param name="logger">Where to log.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<Epoch> RunAsync(
        ClusterOptions options, OpenModel model, IComputeBackend backend, ClusterMeter meter, ILogger logger, CancellationToken cancellationToken)
    {
        EpochStart start = new(options, model, backend, meter, logger);
        try
        {
            return await start.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await DisposeAllAsync(start._nodes).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Goes as far as the plan, and stops everything again.</summary>
    public static async Task<ClusterPreview> PreviewAsync(
        ClusterOptions options, OpenModel model, IComputeBackend backend, ClusterMeter meter, ILogger logger, CancellationToken cancellationToken)
    {
        EpochStart start = new(options, model, backend, meter, logger);
        try
        {
            (_, ShardPlan plan) = await start.PlanAsync(cancellationToken).ConfigureAwait(false);
            return new ClusterPreview(model.Spec, plan, backend.Name, start.Transport.Transport.Name, start.Transport.Reason, model.UnusedTensors);
        }
        finally
        {
            await DisposeAllAsync(start._nodes).ConfigureAwait(false);
        }
    }

    /// <summary>Stops nodes, whether or not they stop well.</summary>
    public static async Task DisposeAllAsync(IEnumerable<INode> nodes) =>
        await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask())).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task<(OpenReply[] Offers, ShardPlan Plan)> PlanAsync(CancellationToken cancellationToken)
    {
        Report(ClusterStage.StartingNodes);
        await StartNodesAsync(cancellationToken).ConfigureAwait(false);
        OpenOrder open = new(_model.Folder, _model.Fingerprint, Backend.Name, Transport.Transport.Name);
        OpenReply[] offers = await AllAsync(node => node.OpenAsync(open, cancellationToken), cancellationToken).ConfigureAwait(false);

        Report(ClusterStage.Planning);
        return (offers, Plan(_model.Spec, offers));
    }

    private async Task<Epoch> RunAsync(CancellationToken cancellationToken)
    {
        (OpenReply[] offers, ShardPlan plan) = await PlanAsync(cancellationToken).ConfigureAwait(false);
        LoadOrder[] orders = Orders(plan, offers);
        await LoadAsync(orders, cancellationToken).ConfigureAwait(false);

        RankRuntime first = ((LocalNode)_nodes[0]).Runtime;
        Log.TransportChosen(_logger, Transport.Transport.Name, Transport.Reason, _options.WirePrecision);
        Log.ClusterReady(_logger, plan.WorldSize, _model.Spec.Family, _model.Folder, Transport.Transport.Name, Backend.Name);
        Report(ClusterStage.Ready);
        return new Epoch(orders[0].Epoch, plan, Transport, _nodes, first.Shard!, first.Group!, first.LimitsOf(orders[0]), _options, _meter, _logger);
    }

    private async Task LoadAsync(LoadOrder[] orders, CancellationToken cancellationToken)
    {
        using Activity? activity = Activities.Load(Backend.Name, Transport.Transport.Name);
        long began = _options.TimeProvider.GetTimestamp();
        try
        {
            await AllAsync(node =>
            {
                int rank = _nodes.IndexOf(node);
                return node.LoadAsync(orders[rank], new RankProgress(_options.Progress, rank), cancellationToken);
            }, cancellationToken).ConfigureAwait(false);
            _meter.Loaded(_options.TimeProvider.GetElapsedTime(began));
        }
        catch (Exception error)
        {
            Activities.Fail(activity, error);
            throw;
        }
    }

    /// <summary>Remote nodes first, because their addresses tell by which of its own addresses this machine is reached.</summary>
    private async Task StartNodesAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        byte[] key = _options is { ClusterKey: { } text, RemoteNodes.Count: > 0 } ? ClusterKey.Stretch(text) : [];
        List<Task<RemoteNode>> remotes = [.. _options.RemoteNodes.Select(endpoint => RemoteNode.ConnectAsync(
            endpoint, key, _options.ConnectTimeout, _options.Heartbeats, _options.TimeProvider, _logger, failed.Token))];
        List<Task<RemoteNode>> children = [];
        PartRecipe[] offered = _options.HasProcesses
            ? [.. _candidates.Where(candidate => candidate.Here.Refusal is null).Select(candidate => PartRecipe.Of(candidate.Transport))]
            : [];
        for (int rank = 1; _options.HasProcesses && rank < _options.LocalRanks; rank++)
        {
            children.Add(StartChildAsync(rank, offered, failed.Token));
        }

        // Where one cannot be had, the others need not be waited for.
        Task<RemoteNode>[] starting = [.. children, .. remotes];
        Task<RemoteNode>? culprit = null;
        await foreach (Task<RemoteNode> task in Task.WhenEach(starting).ConfigureAwait(false))
        {
            if (!task.IsCompletedSuccessfully && culprit is null)
            {
                culprit = task;
                await failed.CancelAsync().ConfigureAwait(false);
            }
        }

        foreach (Task<RemoteNode> task in children.Concat(remotes))
        {
            if (task.IsCompletedSuccessfully)
            {
                _nodes.Add(await task.ConfigureAwait(false));
            }
        }

        if (culprit is not null)
        {
            await culprit.ConfigureAwait(false);
        }

        _chosenTransport = TransportChoice.Make(_options, _candidates, [.. _nodes.Cast<RemoteNode>().Select(node => node.Transports)]);
        string host = _nodes.OfType<RemoteNode>().Select(node => node.LocalHost).FirstOrDefault(address => address is not null)
            ?? IPAddress.Loopback.ToString();
        int localThreads = _options.HasProcesses ? 1 : _options.LocalRanks;
        for (int rank = 0; rank < localThreads; rank++)
        {
            _nodes.Insert(rank, new LocalNode(Backend, Transport.Transport, host, _model, _logger));
        }
    }

    private async Task<RemoteNode> StartChildAsync(int rank, PartRecipe[] offered, CancellationToken cancellationToken)
    {
        NodeBootstrap recipe = new(
            Port: 0,
            Secret: [],
            PartRecipe.Of(Backend),
            _options.Transport is { } transport ? PartRecipe.Of(transport) : null,
            offered,
            [.. _options.OfferedFamilies.Select(PartRecipe.Of)],
            _options.Heartbeats.Interval.TotalMilliseconds,
            _options.Heartbeats.Timeout.TotalMilliseconds,
            (int)Enumerable.Range((int)LogLevel.Trace, (int)LogLevel.None).Select(level => (LogLevel)level).FirstOrDefault(_logger.IsEnabled, LogLevel.None));
        ChildProcess child = await ChildProcess.StartAsync(rank, recipe, _options.ConnectTimeout, _logger).ConfigureAwait(false);
        return await RemoteNode
            .OfChildAsync(child, _options.ConnectTimeout, _options.Heartbeats, _options.TimeProvider, _logger, cancellationToken)
            .ConfigureAwait(false);
    }

    private ShardPlan Plan(ModelSpec spec, OpenReply[] offers)
    {
        using Activity? activity = Activities.Plan();
        IShardPlanner planner = _options.Planner ?? new ShardPlanner();
        int context = _options.ContextLength ?? Math.Min(spec.MaxContextLength, DefaultContextLimit);
        if (context > spec.MaxContextLength)
        {
            throw new ConfigurationException($"A context of {context} tokens was asked for; the model was made for {spec.MaxContextLength}.");
        }

        // Ranks on this machine share its memory.
        DeviceProfile[] devices = [.. offers.Select((offer, rank) => rank < _options.LocalRanks
            ? offer.Device with { AvailableMemory = offer.Device.AvailableMemory / _options.LocalRanks, ThreadCount = LocalThreads }
            : offer.Device)];
        return planner.Plan(spec, new PlanRequest
        {
            Devices = devices,
            Shares = _options.Shares,
            ContextLength = context,
            MaxSequences = _options.MaxSequences,
            MaxBatchTokens = _options.MaxBatchTokens,
            KeyValues = Backend.KeyValuesFor(_options.KeyValues),
            BoundsWindows = Backend.BoundsWindows,
        });
    }

    private int LocalThreads => _options.ThreadsPerRank ?? Math.Max(1, Environment.ProcessorCount / _options.LocalRanks);

    private int[] ProcessorsOf(int rank) =>
        [.. Enumerable.Range(rank * LocalThreads, LocalThreads).Select(static index => index % Environment.ProcessorCount)];

    private LoadOrder[] Orders(ShardPlan plan, OpenReply[] offers)
    {
        ulong epoch = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        string[] addresses = [.. offers.Select(offer => offer.Address)];
        return [.. plan.Ranks.Select((rank, index) => new LoadOrder(
            epoch,
            addresses,
            _options.ConnectTimeout.TotalSeconds,
            _options.CollectiveDeadline.TotalSeconds,
            _options.WirePrecision,
            rank.Assignment,
            new ShardOptions
            {
                ContextLength = plan.ContextLength,
                MaxSequences = plan.MaxSequences,
                MaxBatchTokens = _options.MaxBatchTokens,
                ThreadCount = index < _options.LocalRanks ? LocalThreads : offers[index].Device.ThreadCount,
                Activations = _options.Activations,
                KeyValues = _options.KeyValues,
                Processors = _options.PinsThreads && index < _options.LocalRanks ? ProcessorsOf(index) : null,
                Timeline = index == 0 ? _options.Timeline : null,
            })
        {
            Secret = secret,
        })];
    }

    /// <summary>Runs one step on all nodes at once. The first node that fails or is lost ends the step for all.</summary>
    private async Task<T[]> AllAsync<T>(Func<INode, Task<T>> step, CancellationToken cancellationToken)
    {
        List<Task<T>> tasks = [.. _nodes.Select(step)];
        List<Task> open = [.. tasks];
        List<Task<string>> losses = [.. _nodes.Select(node => node.Lost)];
        while (open.Count > 0)
        {
            Task done = await Task.WhenAny([.. open, .. losses]).ConfigureAwait(false);
            int lost = losses.FindIndex(loss => loss == done);
            if (lost < 0 && done.IsCompletedSuccessfully)
            {
                open.Remove(done);
                continue;
            }

            int culprit = lost >= 0 ? lost : tasks.FindIndex(task => task == done);
            string reason = lost >= 0 ? await losses[lost].ConfigureAwait(false) : "it failed to load";
            foreach (INode node in _nodes)
            {
                node.Abort(culprit, reason);
            }

            await SettleAsync(tasks).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            throw Explain(culprit, tasks[culprit].Exception?.InnerException ?? new NodeException(_nodes[culprit].Name, reason));
        }

        return await Task.WhenAll(tasks).ConfigureAwait(false);
    }

    /// <summary>A rank that is lost is a lost peer, and its node named; whatever else a node answered stays what it is.</summary>
    private Exception Explain(int rank, Exception error) => error switch
    {
        PeerLostException witnessed => Losses.Name(_nodes, witnessed.LostRank, witnessed.Reason, witnessed),
        NodeException when _nodes[rank].Lost is { IsCompletedSuccessfully: true } lost => Losses.Name(_nodes, rank, lost.Result, error),
        _ => error,
    };

    /// <summary>Waits until all have ended, well or not.</summary>
    private static async Task SettleAsync(IEnumerable<Task> tasks) =>
        await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Report(ClusterStage stage) => _options.Progress?.Report(new ClusterProgress(stage));

    private sealed class RankProgress(IProgress<ClusterProgress>? progress, int rank) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) =>
            progress?.Report(new ClusterProgress(ClusterStage.Loading, rank, value.LoadedBytes, value.TotalBytes));
    }
}
