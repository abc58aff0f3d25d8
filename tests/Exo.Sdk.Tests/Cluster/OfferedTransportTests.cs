using Exo.Sdk.Transport;


namespace Exo.Sdk.Tests.Cluster;

/// <summary>Transports that a program offers, in whole clusters: the nodes' word decides.</summary>
[Collection(ProcessCollection.Name)]
public sealed class OfferedTransportTests
{
    [Fact]
    public async Task Nodes_that_have_it_use_it() =>
        await ExpectOverNodeAsync(new CarrierTransport(), [new TcpTransport(), new CarrierTransport()], "carrier", "every rank has it");

    [Fact]
    public async Task A_node_without_it_is_named_and_TCP_used() =>
        await ExpectOverNodeAsync(new CarrierTransport(), null, "tcp", "carrier was passed over (*127.0.0.1:* does not offer it); *");

    [Fact]
    public async Task A_node_that_cannot_use_it_says_why() => await ExpectOverNodeAsync(
        new CarrierTransport(),
        [new CarrierTransport { Missing = "no pigeons" }, new TcpTransport()],
        "tcp",
        "carrier was passed over (*127.0.0.1:* cannot use it: no pigeons); *");

    [Fact]
    public async Task Child_processes_that_can_make_it_use_it() =>
        await ExpectAsync(Children().OfferTransport(new CarrierTransport()), "carrier", "every rank has it");

    [Fact]
    public async Task Child_processes_that_cannot_make_it_do_without() => await ExpectAsync(
        Children().OfferTransport(new SettledCarrierTransport(null)), "shared-memory", "carrier was passed over (the type SettledCarrierTransport does not say what its options are*; *");

    [Fact]
    public async Task Child_processes_that_cannot_use_it_do_without() => await ExpectAsync(
        Children().OfferTransport(new ParentOnlyTransport(null)),
        "shared-memory",
        "carrier was passed over (child process * cannot use it: no carrier in a child); *");

    private static ClusterBuilder Children() => new ClusterBuilder().UseLocalRanks(2, RankHosting.ChildProcess);

    private static async Task ExpectOverNodeAsync(ITransport offered, IReadOnlyList<ITransport>? ofNode, string name, string reason)
    {
        await using ExoNode node = ExoNode.Start(new NodeOptions { Transports = ofNode });
        await ExpectAsync(new ClusterBuilder().AddNode(node.Endpoint.ToString()).OfferTransport(offered), name, reason);
    }

    private static async Task ExpectAsync(ClusterBuilder builder, string name, string reason)
    {
        await using Sdk.Cluster cluster = await builder.UseModel(TinyModel.Path).UseThreadsPerRank(1).BuildAsync();
        cluster.Transport.Should().Be(name);
        cluster.TransportReason.Should().Match(reason);
        GenerationOptions few = new() { Temperature = 0, MaxTokens = 4, IgnoreEndTokens = true };
        (await cluster.GenerateTextAsync("Hello!", few)).Should().NotBeEmpty();
    }
}
