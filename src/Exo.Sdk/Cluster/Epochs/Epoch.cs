using Exo.Sdk.Diagnostics;
using Exo.Sdk.Hosts;
using Exo.Sdk.Planning;
using Exo.Sdk.Scheduling;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Epochs;

/// <summary>
/// One life of a cluster: nodes, plan, group and engine, from the moment all ranks are loaded until one is lost or the cluster is disposed.
/// Nothing of it outlives it; requests do, because they hold their own tokens. Thread-safe.
/// </summary>
internal sealed class Epoch : IAsyncDisposable
{
    private static readonly TimeSpan LossGrace = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<INode> _nodes;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ulong _id;
    private readonly Engine _engine;
    private readonly TaskCompletionSource<Exception> _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<PeerLostException> _loss = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Task? _disposal;
    private volatile bool _areNodesStopping;

    /// <param name="id">The epoch's number, which every data frame carries.</param>
    /// <param name="plan">How the model is divided.</param>
    /// <param name="transport">Over what the ranks talk, and why.</param>
    /// <param name="nodes">The ranks in order, loaded and with their workers running; owned from now on.</param>
    /// <param name="shard">Rank 0's shard.</param>
    /// <param name="group">Rank 0's end of the group.</param>
    /// <param name="limits">What the ranks have agreed on.</param>
    /// <param name="options">Clock and timeline.</param>
    /// <param name="meter">What is counted and timed.</param>
    /// <param name="logger">Where to log.</param>
    public Epoch(
        ulong id,
        ShardPlan plan,
        TransportChoice transport,
        IReadOnlyList<INode> nodes,
        IModelShard shard,
        ICollective group,
        EngineLimits limits,
        ClusterOptions options,
        ClusterMeter meter,
        ILogger logger)
    {
        _id = id;
        Plan = plan;
        Transport = transport;
        Limits = limits;
        _nodes = nodes;
        _time = options.TimeProvider;
        _logger = logger;
        _engine = new Engine(shard, group, limits, OnEngineFault, meter, options.Timeline);
        for (int rank = 0; rank < nodes.Count; rank++)
        {
            _ = WatchAsync(rank);
        }
    }

    /// <summary>How the model is divided.</summary>
    public ShardPlan Plan { get; }

    /// <summary>Over what the ranks talk, and why.</summary>
    public TransportChoice Transport { get; }

    /// <summary>What the ranks have agreed on.</summary>
    public EngineLimits Limits { get; }

    /// <summary>Completes with the error that ended the epoch. Never faults.</summary>
    public Task<Exception> Faulted => _fault.Task;

    /// <summary>Hands a request to the engine, which ends it in any case, well or not.</summary>
    /// <exception cref="ConfigurationException">Its tokens are not the model's, or do not fit the context.</exception>
    /// <exception cref="ExoException">The epoch is over; the error says why.</exception>
    public async ValueTask SubmitAsync(SequenceRequest request)
    {
        if (_fault.Task.IsCompleted)
        {
            throw await ExplainAsync(await _fault.Task.ConfigureAwait(false)).ConfigureAwait(false);
        }

        _engine.Submit(request);
    }

    /// <summary>Ends a request before the engine's next step.</summary>
    public void Cancel(SequenceRequest request)
    {
        request.Cancel();
        _engine.Wake();
    }

    /// <summary>
    /// What the caller gets for an error of the engine. A broken connection tells which peer closed it, the control plane tells
    /// which rank died and why; <see cref="SettleFaultAsync"/> waits a moment for the latter.
    /// </summary>
    public async ValueTask<Exception> ExplainAsync(Exception error) =>
        error is PeerLostException && await _fault.Task.ConfigureAwait(false) is PeerLostException cause
            ? new PeerLostException(cause.LostRank, cause.Reason, error)
            : error;

    /// <summary>Asks every rank what it takes in memory.</summary>
    /// <exception cref="NodeException">A node does not answer.</exception>
    public async Task<IReadOnlyList<RankStatus>> GetStatusAsync(CancellationToken cancellationToken)
    {
        RankMemory[] memory = await Task.WhenAll(_nodes.Select(node => node.GetMemoryAsync(cancellationToken))).ConfigureAwait(false);
        return [.. _nodes.Select((node, rank) => new RankStatus(rank, node.Name, node.Hosting, memory[rank]))];
    }

    /// <summary>Ends requests, ranks and child processes. Nothing of the epoch is left when it returns.</summary>
    public async ValueTask DisposeAsync() => await BeginDisposal().ConfigureAwait(false);

    private Task BeginDisposal()
    {
        lock (_gate)
        {
            return _disposal ??= Task.Run(DisposeOnceAsync);
        }
    }

    private async Task DisposeOnceAsync()
    {
        _engine.Dispose();
        _areNodesStopping = true;
        await EpochStart.DisposeAllAsync(_nodes).ConfigureAwait(false);
    }

    /// <summary>A rank that is lost while the engine ends is lost as well: the engine's last step may wait for it.</summary>
    private async Task WatchAsync(int rank)
    {
        string reason = await _nodes[rank].Lost.ConfigureAwait(false);
        PeerLostException loss = Losses.Name(_nodes, rank, reason);
        if (!_areNodesStopping && _loss.TrySetResult(loss))
        {
            Log.RankLost(_logger, rank, reason, _id);
            AbortAll(loss);
            _engine.Fault(loss);
        }
    }

    /// <summary>Runs on the engine's thread: the epoch is over.</summary>
    private void OnEngineFault(ExoException error)
    {
        Log.EngineFaulted(_logger, error);
        _ = SettleFaultAsync(error);
    }

    /// <summary>Finds the cause, tells it, and stops whatever still runs elsewhere, whether or not the caller ever disposes.</summary>
    private async Task SettleFaultAsync(Exception error)
    {
        if (error is PeerLostException witnessed)
        {
            await Task.WhenAny(_loss.Task, Task.Delay(LossGrace, _time)).ConfigureAwait(false);
            error = _loss.Task.IsCompleted
                ? await _loss.Task.ConfigureAwait(false)
                : Losses.Name(_nodes, witnessed.LostRank, witnessed.Reason, witnessed);
        }

        _fault.TrySetResult(error);

        // Ranks that hang in a step end now, and need not be waited for.
        AbortAll(error as PeerLostException ?? new PeerLostException(0, $"it failed: {error.Message}"));
        await BeginDisposal().ConfigureAwait(false);
    }

    private void AbortAll(PeerLostException cause)
    {
        foreach (INode node in _nodes)
        {
            node.Abort(cause.LostRank, cause.Reason);
        }
    }
}
