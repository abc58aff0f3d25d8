using Exo.Sdk;

namespace Exo.Outside.Tests;

/// <summary>A compute backend from outside, with what is public alone, runs on every rank of a cluster.</summary>
public sealed class BackendTests
{
    [Theory]
    [InlineData(RankHosting.InProcess)]
    [InlineData(RankHosting.ChildProcess)]
    public async Task It_is_taken_where_it_stands_higher_than_our_own(RankHosting hosting)
    {
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(2, hosting)
            .OfferBackend(new CountingBackend())
            .BuildAsync();

        List<int> tokens = [];
        await foreach (GeneratedToken token in cluster.GenerateAsync(Prompt.Tokens(300), GenerationOptions.Greedy with { MaxTokens = 4 }))
        {
            tokens.Add(token.Id);
        }

        cluster.Backend.Should().Be("counting");
        tokens.Should().Equal(301, 302, 303, 304);
    }

    [Fact]
    public async Task It_waits_for_its_turn_where_it_is_a_fallback()
    {
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .OfferBackend(new CountingBackend(BackendStanding.Fallback))
            .BuildAsync();

        cluster.Backend.Should().Be("cpu");
    }
}
