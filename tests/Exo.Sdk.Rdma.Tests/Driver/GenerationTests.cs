using Exo.Sdk.Inference;
using Exo.Sdk.Rdma.Tests.Support;

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

    private static async Task<string> GenerateAsync(ClusterBuilder builder)
    {
        await using Sdk.Cluster cluster = await builder.BuildAsync();
        return await cluster.GenerateTextAsync("What is 3 plus 4?", Greedy);
    }
}
