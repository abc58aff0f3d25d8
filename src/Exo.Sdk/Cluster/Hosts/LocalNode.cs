using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Models;
using Exo.Sdk.Nodes;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Hosts;

/// <summary>A rank in this process.</summary>
internal sealed class LocalNode(IComputeBackend backend, ITransport transport, string host, OpenModel model, ILogger logger) : INode
{
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => $"this process ({Environment.ProcessId})";

    public RankHosting Hosting => RankHosting.InProcess;

    public RankRuntime Runtime { get; } = new(backend, transport, host, logger, model);

    public Task<string> Lost => _lost.Task;

    public Task<OpenReply> OpenAsync(OpenOrder order, CancellationToken cancellationToken) =>
        Task.Run(() => Runtime.OpenAsync(order, [], NodeLimits.OfChild, cancellationToken), cancellationToken);

    public async Task<LoadReply> LoadAsync(LoadOrder order, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        int rank = order.Assignment.Rank;
        LoadReply reply = await Task.Run(() => Runtime.LoadAsync(order, progress, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        if (rank != 0)
        {
            Runtime.StartWorker(Runtime.LimitsOf(order), error =>
            {
                if (error is not null)
                {
                    Log.WorkerFailed(logger, rank, error);

                    // Of a lost peer the peer's own node tells; this rank is only a witness.
                    if (error is not PeerLostException)
                    {
                        _lost.TrySetResult($"its worker failed: {error.Message}");
                    }
                }
            });
        }

        return reply;
    }

    public Task<RankMemory> GetMemoryAsync(CancellationToken cancellationToken) => Task.FromResult(Runtime.GetMemory());

    public void Abort(int lostRank, string reason) => Runtime.Abort(lostRank, reason);

    public ValueTask DisposeAsync() => Runtime.DisposeAsync();
}
