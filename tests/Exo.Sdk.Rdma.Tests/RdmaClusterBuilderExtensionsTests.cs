using Exo.Sdk.Rdma.Tests.Support;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Rdma.Tests;

/// <summary>RDMA among the candidates of a cluster's choice.</summary>
public sealed class RdmaClusterBuilderExtensionsTests
{
    private static readonly GenerationOptions Greedy = new() { Temperature = 0, MaxTokens = 8, IgnoreEndTokens = true };

    [Fact]
    public async Task Without_a_verbs_library_the_ranks_use_TCP_and_say_why()
    {
        string absent = Path.Combine(Path.GetTempPath(), "no-such-verbs.so");
        await using ExoNode node = StartNode(new RdmaOptions());
        await using Sdk.Cluster cluster = await HostOf(node).UseRdma(new RdmaOptions { VerbsLibrary = absent }).BuildAsync();
        cluster.Transport.Should().Be("tcp");
        cluster.TransportReason.Should().StartWith("rdma was passed over (").And.EndWith("); a node that was started elsewhere takes part");
    }

    [FakeFact]
    public async Task Ranks_that_all_have_it_use_it_and_say_what_one_rank_says()
    {
        await using Sdk.Cluster one = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();
        string expected = await one.GenerateTextAsync("What is 3 plus 4?", Greedy);
        using FakeVerbs fake = new();
        RdmaOptions options = new() { VerbsLibrary = FakeVerbs.Path };
        await using ExoNode node = StartNode(options);
        await using Sdk.Cluster cluster = await HostOf(node).UseRdma(options).BuildAsync();
        cluster.Transport.Should().Be("rdma");
        cluster.TransportReason.Should().Be("every rank has it");
        (await cluster.GenerateTextAsync("What is 3 plus 4?", Greedy)).Should().Be(expected);
    }

    [FakeFact]
    public async Task A_node_without_a_device_is_named()
    {
        using FakeVerbs fake = new();
        await using ExoNode node = StartNode(new RdmaOptions { VerbsLibrary = FakeVerbs.Path, Devices = ["missing0"] });
        await using Sdk.Cluster cluster = await HostOf(node).UseRdma(new RdmaOptions { VerbsLibrary = FakeVerbs.Path }).BuildAsync();
        cluster.Transport.Should().Be("tcp");
        cluster.TransportReason.Should().Match("rdma was passed over (*127.0.0.1:* cannot use it: *missing0*); *");
    }

    private static ExoNode StartNode(RdmaOptions options) =>
        ExoNode.Start(new NodeOptions { Transports = [new RdmaTransport(options), new TcpTransport()] });

    private static ClusterBuilder HostOf(ExoNode node) =>
        new ClusterBuilder().UseModel(TinyModel.Path).AddNode(node.Endpoint.ToString());
}
