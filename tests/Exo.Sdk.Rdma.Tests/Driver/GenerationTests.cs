using Exo.Sdk.Rdma.Tests.Support;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Rdma.Tests.Driver;

/// <summary>The whole stack: a tensor-parallel generation whose all-reduces travel over queue pairs.</summary>
[Collection(DriverCollection.Name)]
public sealed class GenerationTests
{
    private static readonly GenerationOptions Greedy = new() { Temperature = 0, MaxTokens = 24, IgnoreEndTokens = true };

    [CableTheory]
    [InlineData(RdmaConnection.Reliable, 2, "")]
    [InlineData(RdmaConnection.Unreliable, 2, "")]
    [InlineData(RdmaConnection.Unreliable, 2, "loss 1%")]
    [InlineData(RdmaConnection.Unreliable, 3, "")]
    public async Task Ranks_over_RDMA_say_what_one_rank_says(RdmaConnection connection, int ranks, string faults)
    {
        string expected = await GenerateAsync(new ClusterBuilder().UseModel(TinyModel.Path));
        using Netem? netem = faults.Length > 0 ? new Netem(0, faults) : null;
        RdmaTransport transport = new(new RdmaOptions { Connection = connection, Devices = ["rxe0a", "rxe0b"] });
        string told = await GenerateAsync(new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(ranks).UseTransport(transport));
        told.Should().Be(expected).And.NotBeEmpty();
    }

    [CableFact]
    public async Task A_node_with_a_device_is_reached_over_RDMA_without_being_asked()
    {
        string expected = await GenerateAsync(new ClusterBuilder().UseModel(TinyModel.Path));
        await using ExoNode node = ExoNode.Start(new NodeOptions
        {
            Transports = [new RdmaTransport(new RdmaOptions { Devices = ["rxe0b"] }), new TcpTransport()],
        });
        await using Sdk.Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .AddNode(node.Endpoint.ToString())
            .UseRdma(new RdmaOptions { Devices = ["rxe0a"] })
            .BuildAsync();
        cluster.Transport.Should().Be("rdma");
        (await cluster.GenerateTextAsync("What is 3 plus 4?", Greedy)).Should().Be(expected);
    }

    [CableFact(cables: 2)]
    public async Task A_node_on_another_cable_is_reached_over_TCP()
    {
        await using ExoNode node = ExoNode.Start(new NodeOptions
        {
            Transports = [new RdmaTransport(new RdmaOptions { Devices = ["rxe1b"] }), new TcpTransport()],
        });
        await using Sdk.Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .AddNode(node.Endpoint.ToString())
            .UseRdma(new RdmaOptions { Devices = ["rxe0a"] })
            .BuildAsync();
        cluster.Transport.Should().Be("tcp");
        cluster.TransportReason.Should().Contain("(10.77.0.0/24)").And.Contain("(10.77.1.0/24)").And.Contain("no network of it in common");
    }

    private static async Task<string> GenerateAsync(ClusterBuilder builder)
    {
        await using Sdk.Cluster cluster = await builder.BuildAsync();
        return await cluster.GenerateTextAsync("What is 3 plus 4?", Greedy);
    }
}
