namespace Exo.Sdk;

/// <summary>
/// Starts a cluster when it is first asked for and hands the same one to everybody. Thread-safe. Starting takes seconds and is
/// asynchronous, which is why the cluster itself is not a service.
/// </summary>
public sealed class ClusterProvider : IAsyncDisposable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _disposing = new();
    private readonly ClusterBuilder _builder;
    private Task<Cluster>? _cluster;

    internal ClusterProvider(ClusterBuilder builder) => _builder = builder;

    /// <summary>The cluster, started by the first call.</summary>
    /// <param name="cancellationToken">Ends this caller's wait, not the start.</param>
    /// <returns>The cluster; the provider disposes it.</returns>
    /// <exception cref="ObjectDisposedException">The provider is disposed.</exception>
    /// <exception cref="ExoException">The start failed; every later call gets the same error.</exception>
    public Task<Cluster> GetAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposing.IsCancellationRequested, this);
            _cluster ??= _builder.BuildAsync(_disposing.Token);
            return _cluster.WaitAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task<Cluster>? cluster;
        lock (_gate)
        {
            if (_disposing.IsCancellationRequested)
            {
                return;
            }

            _disposing.Cancel();
            cluster = _cluster;
        }

        if (cluster is not null)
        {
            await ((Task)cluster).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cluster.IsCompletedSuccessfully)
            {
                await (await cluster.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            }
        }

        _disposing.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
