using Exo.Sdk.Tests.Shared;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>
/// A real trained model against the text that its author's own program prints, greedily, from the begin token alone.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class StoriesTests
{
    private static readonly GenerationOptions Greedy200 = new() { Temperature = 0, MaxTokens = 200 };

    [SharedModelTheory("stories260k")]
    [InlineData(RankHosting.InProcess, 1, null)]
    [InlineData(RankHosting.InProcess, 2, null)]
    [InlineData(RankHosting.InProcess, 3, null)]
    [InlineData(RankHosting.InProcess, 4, null)]
    [InlineData(RankHosting.InProcess, 2, "3:1")]
    [InlineData(RankHosting.InProcess, 3, "1:5:2")]
    [InlineData(RankHosting.ChildProcess, 2, null)]
    [InlineData(RankHosting.ChildProcess, 3, null)]
    [InlineData(RankHosting.ChildProcess, 4, null)]
    [InlineData(RankHosting.ChildProcess, 2, "1:3")]
    [InlineData(RankHosting.ChildProcess, 3, "2:1:1")]
    public async Task Any_number_of_ranks_prints_what_the_author_s_program_prints(RankHosting hosting, int ranks, string? shares)
    {
        string folder = SharedModels.Folder("stories260k");
        ClusterBuilder builder = new ClusterBuilder().UseModel(folder).UseLocalRanks(ranks, hosting);
        if (shares is not null)
        {
            builder.UseShares([.. shares.Split(':').Select(double.Parse)]);
        }

        await using Sdk.Cluster cluster = await builder.BuildAsync();
        cluster.Tokenize(Prompt.Raw("")).Should().Equal(1);
        string text = await cluster.GenerateTextAsync(Prompt.Raw(""), Greedy200);
        text.Should().Be(File.ReadAllText(Path.Combine(folder, "expected.txt")));
    }
}
