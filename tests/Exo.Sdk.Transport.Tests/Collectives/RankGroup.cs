namespace Exo.Sdk.Transport.Tests.Collectives;

/// <summary>A connected group in this process, one thread per rank.</summary>
internal sealed class RankGroup : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private RankGroup(ICollective[] ranks) => Ranks = ranks;

    public ICollective[] Ranks { get; }

    /// <summary>The transports under test, by name.</summary>
    public static ITransport Transport(string name) => name switch
    {
        "tcp" => new TcpTransport(),
        "tcp-managed" => new TcpTransport { UseNativeCalls = false },
        "tcp-blocking" => new TcpTransport { Spin = TimeSpan.Zero },
        "shared-memory" => new SharedMemoryTransport(),
        "shared-memory-managed" => new SharedMemoryTransport { UseNativeCalls = false },
        "shared-memory-blocking" => new SharedMemoryTransport { Spin = TimeSpan.Zero },
        "in-process" => new InProcessTransport(),
        "in-process-blocking" => new InProcessTransport { Spin = TimeSpan.Zero },
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    public static RankGroup Connect(string transport, int size, TimeSpan? deadline = null, WirePrecision precision = WirePrecision.Float32) =>
        ConnectAsync(Transport(transport), size, deadline, precision).WaitAsync(Patience).GetAwaiter().GetResult();

    /// <summary>A group whose ranks were told different precisions.</summary>
    public static RankGroup ConnectMixed(string transport, WirePrecision[] precisions) =>
        ConnectAsync(Transport(transport), precisions.Length, null, precisions).WaitAsync(Patience).GetAwaiter().GetResult();

    public static Task<RankGroup> ConnectAsync(
        ITransport transport, int size, TimeSpan? deadline = null, WirePrecision precision = WirePrecision.Float32) =>
        ConnectAsync(transport, size, deadline, [.. Enumerable.Repeat(precision, size)]);

    private static async Task<RankGroup> ConnectAsync(ITransport transport, int size, TimeSpan? deadline, WirePrecision[] precisions)
    {
        ITransportEndpoint[] endpoints = new ITransportEndpoint[size];
        for (int rank = 0; rank < size; rank++)
        {
            endpoints[rank] = await transport.OpenAsync(new TransportOptions());
        }

        string[] addresses = [.. endpoints.Select(endpoint => endpoint.Address)];
        ICollective[] ranks = await Task.WhenAll(endpoints.Select((endpoint, rank) => endpoint.ConnectAsync(new GroupDescription
        {
            Epoch = 0x1_0000_0007,
            Rank = rank,
            Addresses = addresses,
            Secret = new byte[] { 1, 2, 3 },
            Deadline = deadline ?? TimeSpan.FromSeconds(20),
            WirePrecision = precisions[rank],
        }).AsTask()));
        foreach (ITransportEndpoint endpoint in endpoints)
        {
            await endpoint.DisposeAsync(); // Groups outlive their endpoints.
        }

        return new RankGroup(ranks);
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

    public void Dispose() => Array.ForEach(Ranks, rank => rank.Dispose());
}
