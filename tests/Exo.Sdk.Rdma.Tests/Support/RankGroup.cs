using Exo.Sdk.Rdma.Links;

namespace Exo.Sdk.Rdma.Tests.Support;

/// <summary>A connected group in this process, one thread per rank.</summary>
internal sealed class RankGroup : IDisposable
{
    /// <summary>No operation may take longer; generous, because the virtual machine is emulated.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private RankGroup(ICollective[] ranks, RdmaLinkGroup[] links) => (Ranks, Links) = (ranks, links);

    public ICollective[] Ranks { get; }

    public RdmaLinkGroup[] Links { get; }

    /// <summary>Messages that any rank sent again.</summary>
    public long Repeated => Links.Sum(links => links.Links.Sum(link => link?.Repeated ?? 0));

    public static RankGroup Connect(RdmaOptions options, int size, TimeSpan? deadline = null) =>
        Connect([.. Enumerable.Repeat(options, size)], deadline);

    public static RankGroup Connect(RdmaOptions[] options, TimeSpan? deadline = null) =>
        ConnectAsync(options, deadline).WaitAsync(Patience).GetAwaiter().GetResult();

    public static async Task<RankGroup> ConnectAsync(RdmaOptions[] options, TimeSpan? deadline = null, TimeSpan? connectTimeout = null)
    {
        int size = options.Length;
        RdmaLinkGroup[] links = new RdmaLinkGroup[size];
        ITransportEndpoint[] endpoints = new ITransportEndpoint[size];
        try
        {
            for (int rank = 0; rank < size; rank++)
            {
                RdmaTransport transport = new(options[rank]) { Connected = (own, made) => links[own] = made };
                endpoints[rank] = await transport.OpenAsync(new TransportOptions());
            }

            string[] addresses = [.. endpoints.Select(endpoint => endpoint.Address)];
            Task<ICollective>[] connecting = [.. endpoints.Select((endpoint, rank) => endpoint.ConnectAsync(new GroupDescription
            {
                Epoch = 0x1_0000_0007,
                Rank = rank,
                Addresses = addresses,
                Secret = new byte[] { 1, 2, 3 },
                Deadline = deadline ?? TimeSpan.FromSeconds(60),
                ConnectTimeout = connectTimeout ?? TimeSpan.FromSeconds(30),
            }).AsTask())];
            try
            {
                return new RankGroup(await Task.WhenAll(connecting), links);
            }
            catch
            {
                foreach (Task<ICollective> task in connecting)
                {
                    await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    if (task.IsCompletedSuccessfully)
                    {
                        (await task).Dispose();
                    }
                }

                // The rank that failed by itself tells more than those that heard of it.
                Exception[] failures = [.. connecting.Where(task => task.IsFaulted).Select(task => task.Exception!.InnerException!)];
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(
                    failures.FirstOrDefault(failure => failure is not PeerLostException) ?? failures[0]);
                throw;
            }
        }
        finally
        {
            foreach (ITransportEndpoint? endpoint in endpoints)
            {
                if (endpoint is not null)
                {
                    await endpoint.DisposeAsync(); // Groups outlive their endpoints.
                }
            }
        }
    }

    /// <summary>Runs the action on every rank at once and rethrows the first failure.</summary>
    public void Run(Action<ICollective> action)
    {
        Exception?[] failures = Catch(action);
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            throw new InvalidOperationException($"A rank failed: {first.Message}", first);
        }
    }

    /// <summary>Runs the action on every rank at once and returns what each threw.</summary>
    public Exception?[] Catch(Action<ICollective> action)
    {
        Exception?[] failures = new Exception?[Ranks.Length];
        Thread[] threads = [.. Ranks.Select((collective, rank) => new Thread(() =>
        {
            try
            {
                action(collective);
            }
            catch (Exception failure)
            {
                failures[rank] = failure;
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        foreach (Thread thread in threads)
        {
            thread.Join(Patience).Should().BeTrue("no operation may hang");
        }

        return failures;
    }

    /// <summary>All ranks leave at once, as ranks that have finished do.</summary>
    public void Dispose() => Parallel.ForEach(Ranks, rank => rank.Dispose());
}
