namespace Exo.Sdk.Testing;

/// <summary>A connected group whose ranks are threads of this process, over any transport that reaches that far.</summary>
public sealed class TestGroup : IDisposable
{
    private readonly ICollective[] _ranks;
    private readonly TimeSpan _patience;

    private TestGroup(ICollective[] ranks, TimeSpan patience)
    {
        _ranks = ranks;
        _patience = patience;
    }

    /// <summary>The ranks in order.</summary>
    public IReadOnlyList<ICollective> Ranks => _ranks;

    /// <summary>Opens an endpoint for each rank, connects them and closes the endpoints again: groups outlive those.</summary>
    /// <param name="transport">The transport, or null for one within the process.</param>
    /// <param name="size">How many ranks.</param>
    /// <param name="configure">Changes a rank's description of the group, for example its deadline.</param>
    /// <param name="patience">How long connecting, or one <see cref="Run"/>, may take; 30 s where it is null.</param>
    /// <returns>The group; the caller disposes it.</returns>
    /// <exception cref="ExoException">A rank cannot connect; the others are disposed.</exception>
    /// <exception cref="TimeoutException">Connecting took longer than <paramref name="patience"/>.</exception>
    public static async Task<TestGroup> ConnectAsync(
        ITransport? transport = null, int size = 2, Func<GroupDescription, GroupDescription>? configure = null, TimeSpan? patience = null)
    {
        ITransport connector = transport ?? new Transport.InProcessTransport();
        TimeSpan limit = patience ?? TimeSpan.FromSeconds(30);
        var endpoints = new List<ITransportEndpoint>();
        try
        {
            for (int rank = 0; rank < size; rank++)
            {
                endpoints.Add(await connector.OpenAsync(new TransportOptions()).ConfigureAwait(false));
            }

            return new TestGroup(await ConnectAsync(endpoints, configure ?? (static same => same), limit).ConfigureAwait(false), limit);
        }
        finally
        {
            foreach (ITransportEndpoint endpoint in endpoints)
            {
                await endpoint.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Runs an action on every rank at once, each on a thread of its own.</summary>
    /// <param name="action">The action.</param>
    /// <exception cref="TimeoutException">A rank took longer than the patience.</exception>
    /// <exception cref="Exception">A rank's error, as it was; where several failed, that of the first one that did not just lose another.</exception>
    public void Run(Action<ICollective> action)
    {
        IReadOnlyList<Exception?> failures = Catch(action);
        Exception? cause = failures.FirstOrDefault(static failure => failure is not (null or PeerLostException))
            ?? failures.FirstOrDefault(static failure => failure is not null);
        if (cause is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
        }
    }

    /// <summary>Runs an action on every rank at once, each on a thread of its own.</summary>
    /// <param name="action">The action.</param>
    /// <returns>What each rank threw, or null.</returns>
    /// <exception cref="TimeoutException">A rank took longer than the patience.</exception>
    public IReadOnlyList<Exception?> Catch(Action<ICollective> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        var failures = new Exception?[_ranks.Length];
        Thread[] threads = [.. _ranks.Select((collective, rank) => new Thread(() =>
        {
            try
            {
                action(collective);
            }
            catch (Exception failure)
            {
                failures[rank] = failure;
            }
        }) { IsBackground = true, Name = $"test rank {rank}" })];
        Array.ForEach(threads, static thread => thread.Start());
        for (int rank = 0; rank < threads.Length; rank++)
        {
            if (!threads[rank].Join(_patience))
            {
                throw new TimeoutException($"Rank {rank} is still at work after {_patience.TotalSeconds:F0} s.");
            }
        }

        return failures;
    }

    /// <summary>All ranks leave at once, as ranks that have finished do.</summary>
    public void Dispose() => Parallel.ForEach(_ranks, static rank => rank.Dispose());

    private static async Task<ICollective[]> ConnectAsync(
        List<ITransportEndpoint> endpoints, Func<GroupDescription, GroupDescription> configure, TimeSpan limit)
    {
        string[] addresses = [.. endpoints.Select(static endpoint => endpoint.Address)];
        Task<ICollective>[] connecting = [.. endpoints.Select(async (endpoint, rank) => await endpoint.ConnectAsync(configure(new GroupDescription
        {
            Epoch = 0x1_0000_0007,
            Rank = rank,
            Addresses = addresses,
            Secret = "a secret of the tests, 32 bytes."u8.ToArray(),
        })).ConfigureAwait(false))];
        try
        {
            return await Task.WhenAll(connecting).WaitAsync(limit).ConfigureAwait(false);
        }
        catch
        {
            foreach (Task<ICollective> rank in connecting)
            {
                // Those that connected after all are nobody's.
                _ = rank.ContinueWith(static done => done.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            }

            // The rank that failed by itself tells more than those that heard of it.
            Exception[] failures = [.. connecting.Where(static rank => rank.IsFaulted).Select(static rank => rank.Exception!.InnerException!)];
            if (failures.FirstOrDefault(static failure => failure is not PeerLostException) is { } cause)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
            }

            throw;
        }
    }
}
