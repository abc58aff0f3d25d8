namespace Exo.Sdk.Testing.Conformance.Transports;

/// <summary>Where checks take endpoints from.</summary>
internal sealed class EndpointSource(ITransport transport, TransportConformanceOptions options)
{
    public ITransport Transport => transport;

    public TransportConformanceOptions Options => options;

    public async Task<Endpoints> OpenAsync(int count)
    {
        Endpoints opened = new();
        for (int rank = 0; rank < count; rank++)
        {
            opened.All.Add(await transport.OpenAsync(new TransportOptions()).ConfigureAwait(false));
        }

        return opened;
    }
}

/// <summary>The open endpoints of a group to be.</summary>
internal sealed class Endpoints : IDisposable
{
    public List<ITransportEndpoint> All { get; } = [];

    public string[] Addresses => [.. All.Select(static endpoint => endpoint.Address)];

    public GroupDescription Describe(int rank, TransportConformanceOptions options) => new()
    {
        Epoch = 5,
        Rank = rank,
        Addresses = Addresses,
        Secret = "a secret of the tests, 32 bytes."u8.ToArray(),
        ConnectTimeout = options.Patience,
        Deadline = options.Patience,
    };

    /// <summary>Connects every rank.</summary>
    public async Task<ICollective[]> ConnectAsync(TransportConformanceOptions options, Func<GroupDescription, GroupDescription>? change = null) =>
        await Task.WhenAll(Start(options, change)).WaitAsync(options.Patience).ConfigureAwait(false);

    /// <summary>Connects every rank; gives what each failed with, and disposes of what was connected.</summary>
    public async Task<Exception?[]> FailAsync(TransportConformanceOptions options, Func<GroupDescription, GroupDescription> change)
    {
        Task<ICollective>[] ranks = Start(options, change);
        Exception?[] failures = await Task.WhenAll(ranks.Select(static rank => Expect.FailureAsync(() => rank))).WaitAsync(options.Patience).ConfigureAwait(false);
        foreach (Task<ICollective> rank in ranks)
        {
            if (rank.IsCompletedSuccessfully)
            {
                (await rank.ConfigureAwait(false)).Dispose();
            }
        }

        return failures;
    }

    // Checks run on threads of their own, which may block.
    public void Dispose() => All.ForEach(static endpoint => endpoint.DisposeAsync().AsTask().GetAwaiter().GetResult());

    private Task<ICollective>[] Start(TransportConformanceOptions options, Func<GroupDescription, GroupDescription>? change) => [.. All.Select(async (endpoint, rank) =>
    {
        GroupDescription group = Describe(rank, options);
        return await endpoint.ConnectAsync(change is null ? group : change(group)).ConfigureAwait(false);
    })];
}
