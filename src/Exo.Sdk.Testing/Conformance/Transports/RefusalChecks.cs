namespace Exo.Sdk.Testing.Conformance.Transports;

/// <summary>Whom a transport does not connect.</summary>
internal static class RefusalChecks
{
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(700);

    public static async Task RefusesAnotherSecret(EndpointSource source)
    {
        using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
        await Refuse(source, endpoints, "another secret", static group => group with { Secret = "another secret of the same size."u8.ToArray() }).ConfigureAwait(false);
        await Refuse(source, endpoints, "no secret", static group => group with { Secret = default }).ConfigureAwait(false);
        ICollective[] ranks = await endpoints.ConnectAsync(source.Options, static group => group with { Epoch = 6 }).ConfigureAwait(false);
        Parallel.ForEach(ranks, static rank => rank.Barrier());
        Parallel.ForEach(ranks, static rank => rank.Dispose());
    }

    public static async Task RefusesAnotherEpoch(EndpointSource source)
    {
        using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
        await Refuse(source, endpoints, "an older epoch", static group => group with { Epoch = 4 }).ConfigureAwait(false);
        await Refuse(source, endpoints, "a newer epoch", static group => group with { Epoch = 6 }).ConfigureAwait(false);
    }

    public static async Task RefusesAnotherSize(EndpointSource source)
    {
        using Endpoints endpoints = await source.OpenAsync(2).ConfigureAwait(false);
        using Endpoints third = await source.OpenAsync(1).ConfigureAwait(false);
        string[] three = [.. endpoints.Addresses, .. third.Addresses];
        Exception?[] failures = await endpoints.FailAsync(
            source.Options, group => (group.Rank == 0 ? group : group with { Addresses = three }) with { ConnectTimeout = Brief }).ConfigureAwait(false);
        AllFail(failures, "a group of three with one of two");
    }

    public static async Task RefusesWrongDescriptions(EndpointSource source)
    {
        using Endpoints endpoints = await source.OpenAsync(1).ConfigureAwait(false);
        string here = endpoints.Addresses[0];
        await Refuse("a rank beyond the group", group => group with { Rank = 2, Addresses = [here, here] }).ConfigureAwait(false);
        await Refuse("a rank below 0", static group => group with { Rank = -1 }).ConfigureAwait(false);
        await Refuse("a group of nobody", static group => group with { Addresses = [] }).ConfigureAwait(false);
        await Refuse("another endpoint's address in this rank's place", group => group with { Addresses = [here + "0"] }).ConfigureAwait(false);
        await Refuse("no time for an operation", static group => group with { Deadline = TimeSpan.Zero }).ConfigureAwait(false);
        await Refuse("no time to connect", static group => group with { ConnectTimeout = TimeSpan.Zero }).ConfigureAwait(false);
        await Refuse("an unknown wire precision", static group => group with { WirePrecision = (WirePrecision)99 }).ConfigureAwait(false);

        async Task Refuse(string what, Func<GroupDescription, GroupDescription> change)
        {
            Exception? failure = (await endpoints.FailAsync(source.Options, change).ConfigureAwait(false))[0];
            Expect.Is<ConfigurationException>(failure, $"connecting with {what}");
        }
    }

    /// <summary>Rank 0 connects as agreed, rank 1 with a difference.</summary>
    private static async Task Refuse(EndpointSource source, Endpoints endpoints, string what, Func<GroupDescription, GroupDescription> change)
    {
        Exception?[] failures = await endpoints.FailAsync(
            source.Options, group => (group.Rank == 0 ? group : change(group)) with { ConnectTimeout = Brief }).ConfigureAwait(false);
        AllFail(failures, what);
        Expect.That(failures.Any(static failure => failure is ProtocolException), $"a ProtocolException of a rank for {what}", Said(failures));
    }

    private static void AllFail(Exception?[] failures, string what) => Expect.That(
        failures.All(static failure => failure is ProtocolException or PeerLostException), $"a ProtocolException or PeerLostException of every rank for {what}", Said(failures));

    private static string Said(Exception?[] failures) =>
        string.Join(" and ", failures.Select(static failure => failure is null ? "a connected rank" : $"{failure.GetType().Name}: {failure.Message}"));
}
