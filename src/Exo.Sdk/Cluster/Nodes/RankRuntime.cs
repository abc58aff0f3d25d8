using System.Diagnostics;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Models;
using Exo.Sdk.Models.Families;
using Exo.Sdk.Planning;
using Exo.Sdk.Scheduling;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Nodes;

/// <summary>
/// What every rank owns wherever it lives: the opened model, its end of the transport, the connected group, the shard and, on
/// ranks other than 0, the worker thread.
/// </summary>
/// <param name="backend">Loads the shard.</param>
/// <param name="transport">Connects the group.</param>
/// <param name="host">The local address that peers reach this rank by.</param>
/// <param name="logger">Where to log.</param>
/// <param name="hostModel">The host's own opened model, for ranks in its process; elsewhere null, and the rank opens its own.</param>
internal sealed class RankRuntime(IComputeBackend backend, ITransport transport, string host, ILogger logger, OpenModel? hostModel = null)
    : IAsyncDisposable
{
    private static readonly TimeSpan WorkerDeadline = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _aborting = new();
    private NodeLimits _limits = NodeLimits.OfChild;
    private Task? _loading;
    private OpenModel? _model;
    private ITransportEndpoint? _endpoint;
    private Thread? _worker;
    private (int LostRank, string Reason)? _aborted;
    private long _residentBefore;
    private bool _isDisposed;

    /// <summary>The connected group, once loaded.</summary>
    public ICollective? Group { get; private set; }

    /// <summary>The shard, once loaded.</summary>
    public IModelShard? Shard { get; private set; }

    /// <summary>Reads the model's description and starts to listen.</summary>
    /// <param name="order">What to open.</param>
    /// <param name="families">Model families beside the built-in ones.</param>
    /// <param name="limits">What a later order to load may ask for.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public async Task<OpenReply> OpenAsync(
        OpenOrder order, IReadOnlyList<IModelFamily> families, NodeLimits limits, CancellationToken cancellationToken)
    {
        _limits = limits;
        _residentBefore = Environment.WorkingSet;
        Require(backend.Probe(), $"backend '{backend.Name}'");
        Require(transport.Probe(), $"transport '{transport.Name}'");
        _model = hostModel ?? OpenModel.Open(order.ModelFolder, families);
        if (order.Fingerprint != _model.Fingerprint)
        {
            throw new ConfigurationException(
                $"The model in {order.ModelFolder} is not the host's: fingerprint {_model.Fingerprint}, the host's is {order.Fingerprint}. Copy the same files to every node.");
        }

        _endpoint = await transport.OpenAsync(new TransportOptions { Host = host }, cancellationToken).ConfigureAwait(false);
        return new OpenReply(_endpoint.Address, new DeviceProfile
        {
            Name = Environment.MachineName,
            AvailableMemory = Math.Min(limits.MaxMemory, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
            ThreadCount = Math.Min(limits.MaxThreads, Environment.ProcessorCount),
            Backend = backend.Name,
        });
    }

    /// <summary>
    /// Connects the group and loads the shard, once. <see cref="Abort"/> ends it at any point; when it fails, nothing that it made is left.
    /// </summary>
    /// <exception cref="ProtocolException">The order does not fit the model or the node's limits, or is the second.</exception>
    /// <exception cref="PeerLostException">A rank was lost meanwhile.</exception>
    public async Task<LoadReply> LoadAsync(LoadOrder order, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        if (_model is null || _endpoint is null)
        {
            throw new ProtocolException("A load order came before the open order.");
        }

        OrderRules.Check(order, _model.Spec, _limits, backend.BoundsWindows);
        Task<LoadReply> loading;
        lock (_gate)
        {
            if (_loading is not null)
            {
                throw new ProtocolException("This session has had its load order already.");
            }

            _loading = loading = LoadOnceAsync(order, _model, _endpoint, progress, cancellationToken);
        }

        return await loading.ConfigureAwait(false);
    }

    private async Task<LoadReply> LoadOnceAsync(
        LoadOrder order, OpenModel model, ITransportEndpoint endpoint, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        await Task.Yield(); // Not under the caller's lock.
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_aborting.Token, cancellationToken);
        try
        {
            Log.ShardLoading(logger, order.Assignment.Rank, order.Assignment.WorldSize, model.Spec.Family);
            ICollective group = await endpoint.ConnectAsync(
                new GroupDescription
                {
                    Epoch = order.Epoch,
                    Rank = order.Assignment.Rank,
                    Addresses = order.Addresses,
                    Secret = order.Secret,
                    ConnectTimeout = TimeSpan.FromSeconds(order.ConnectSeconds),
                    Deadline = TimeSpan.FromSeconds(order.DeadlineSeconds),
                    WirePrecision = order.WirePrecision,
                },
                either.Token).ConfigureAwait(false);
            Attach(group);
            Shard = await backend
                .LoadAsync(model.Spec, order.Assignment, model.Weights, group, order.Options, progress, either.Token)
                .ConfigureAwait(false);
            either.Token.ThrowIfCancellationRequested();
            Log.ShardReady(logger, order.Assignment.Rank, Shard.Memory.Weights);
            return new LoadReply(GetMemory());
        }
        catch (Exception error)
        {
            (int LostRank, string Reason)? aborted = Detach();
            if (aborted is { } cause && error is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            {
                throw new PeerLostException(cause.LostRank, cause.Reason, error);
            }

            throw;
        }
    }

    /// <summary>Starts the worker loop of a rank other than 0.</summary>
    /// <param name="limits">The same on every rank.</param>
    /// <param name="onEnd">Told on the worker's thread when the loop ends; with the error where one ended it.</param>
    public void StartWorker(EngineLimits limits, Action<Exception?> onEnd)
    {
        (IModelShard shard, ICollective group) = (Shard!, Group!);
        _worker = new Thread(() =>
        {
            Exception? error = null;
            try
            {
                RankWorker.Run(shard, group, limits);
            }
            catch (Exception caught)
            {
                error = caught;

                // The others must not wait for a rank that left its loop.
                group.Abort(group.Rank, $"its worker failed: {caught.Message}");
            }

            onEnd(error);
        })
        {
            IsBackground = true,
            Name = $"exo rank {group.Rank}",
        };
        _worker.Start();
    }

    /// <summary>What the rank takes in memory now.</summary>
    public RankMemory GetMemory() => new(
        Environment.ProcessId,
        _residentBefore,
        Process.GetCurrentProcess().WorkingSet64,
        Shard?.Memory ?? default);

    /// <summary>The limits that a load order implies.</summary>
    public EngineLimits LimitsOf(LoadOrder order) => new(
        order.Options.ContextLength,
        order.Options.MaxSequences,
        order.Options.MaxBatchTokens,
        _model!.Spec.VocabularySize);

    /// <summary>Ends the group: a rank is lost. A group that is still being connected or loaded for is given up. Returns at once.</summary>
    public void Abort(int lostRank, string reason)
    {
        ICollective? group;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _aborted ??= (lostRank, reason);
            group = Group;
            _ = _aborting.CancelAsync();
        }

        group?.Abort(lostRank, reason);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_loading is { IsCompleted: false } loading)
        {
            // It reads the model and the group, so it ends first.
            Abort(lostRank: 0, "the rank was disposed while it loaded");
            await loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            _aborting.Dispose();
        }

        if (_worker is { } worker && worker != Thread.CurrentThread && !worker.Join(WorkerDeadline))
        {
            Group?.Abort(Group.Rank, "the rank was disposed during a step");
            worker.Join(WorkerDeadline);
        }

        Shard?.Dispose();
        Group?.Dispose();
        if (_endpoint is not null)
        {
            await _endpoint.DisposeAsync().ConfigureAwait(false);
        }

        if (hostModel is null)
        {
            _model?.Dispose();
        }
    }

    private void Attach(ICollective group)
    {
        (int LostRank, string Reason)? aborted;
        lock (_gate)
        {
            Group = group;
            aborted = _aborted;
        }

        if (aborted is { } cause)
        {
            group.Abort(cause.LostRank, cause.Reason);
        }
    }

    /// <summary>Undoes what a failed load has made.</summary>
    /// <returns>The loss that ended it, if one did.</returns>
    private (int LostRank, string Reason)? Detach()
    {
        ICollective? group;
        (int LostRank, string Reason)? aborted;
        lock (_gate)
        {
            (group, Group) = (Group, null);
            aborted = _aborted;
        }

        Shard?.Dispose();
        Shard = null;
        group?.Dispose();
        return aborted;
    }

    private static void Require(Availability availability, string what)
    {
        if (!availability.IsAvailable)
        {
            throw new UnavailableException($"The {what} cannot be used here: {availability.Reason}");
        }
    }
}
