namespace Exo.Sdk.Testing.Conformance.Transports;

/// <summary>What connecting promises where nothing is wrong.</summary>
internal static class ConnectChecks
{
    public static void SaysWhatItIs(EndpointSource source)
    {
        string name = source.Transport.Name;
        Expect.That(
            name.Length is > 0 and <= 32 && name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'),
            "a name of lower-case letters, digits and hyphens",
            $"'{name}'");
        Availability here = source.Transport.Probe();
        Expect.That(here.IsAvailable, "a transport that can be used here", $"'{here.Reason}'");
        Expect.That(here.Reason.Length > 0, "a reason of the answer", "none");
    }

    public static async Task HasAddresses(EndpointSource source)
    {
        using Endpoints endpoints = await source.OpenAsync(4).ConfigureAwait(false);
        string[] addresses = endpoints.Addresses;
        Expect.That(addresses.All(static address => !string.IsNullOrEmpty(address)), "addresses", "an empty one");
        Expect.Equal(addresses.Distinct().Count(), 4, "the number of different addresses");
        using CancellationTokenSource canceled = new();
        await canceled.CancelAsync().ConfigureAwait(false);
        await Expect.ThrowsAsync<OperationCanceledException>(
            () => source.Transport.OpenAsync(new TransportOptions(), canceled.Token).AsTask(), "opening with a canceled token").ConfigureAwait(false);
    }

    public static async Task KnowsItsPlace(EndpointSource source, int size)
    {
        using Endpoints endpoints = await source.OpenAsync(size).ConfigureAwait(false);
        ICollective[] ranks = await endpoints.ConnectAsync(source.Options, static group => group with { Epoch = 0x1_0000_0007 }).ConfigureAwait(false);
        for (int rank = 0; rank < size; rank++)
        {
            Expect.Equal((ranks[rank].Rank, ranks[rank].Size, ranks[rank].Epoch), (rank, size, 0x1_0000_0007ul), "rank, size and epoch");
        }

        Parallel.ForEach(ranks, static rank => rank.Dispose());
    }

    public static async Task ConnectsGroupsAtOnce(EndpointSource source)
    {
        const int Groups = 4;
        const int Size = 3;
        await Task.WhenAll(Enumerable.Range(1, Groups).Select(number => Task.Run(async () =>
        {
            using TestGroup group = await TestGroup.ConnectAsync(
                source.Transport, Size, description => description with { Epoch = (ulong)number, ConnectTimeout = source.Options.Patience }, source.Options.Patience).ConfigureAwait(false);
            group.Run(collective =>
            {
                for (int round = 0; round < 20; round++)
                {
                    float[] values = [number, collective.Rank, round];
                    collective.AllReduceSum(values);
                    Expect.Same<float>(values, [number * Size, Size * (Size - 1) / 2, round * Size], $"a sum of group {number}");
                }
            });
        }))).ConfigureAwait(false);
    }

    public static async Task ConnectsOneEpochAfterAnother(EndpointSource source)
    {
        using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
        ICollective[] older = await endpoints.ConnectAsync(source.Options).ConfigureAwait(false);
        ICollective[] newer = await endpoints.ConnectAsync(source.Options, static group => group with { Epoch = 6 }).ConfigureAwait(false);
        Parallel.ForEach(older, static rank => rank.Barrier());
        Parallel.ForEach(newer, static rank => rank.Barrier());
        Parallel.ForEach(older, static rank => rank.Dispose());
        Parallel.ForEach(newer, static rank => rank.Barrier());
        Parallel.ForEach(newer, static rank => rank.Dispose());
    }

    public static async Task OutlivesItsEndpoints(EndpointSource source)
    {
        ICollective[] ranks;
        using (Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false))
        {
            ranks = await endpoints.ConnectAsync(source.Options).ConfigureAwait(false);
        }

        Parallel.ForEach(ranks, static rank => rank.Barrier());
        Parallel.ForEach(ranks, static rank => rank.Dispose());
    }
}
