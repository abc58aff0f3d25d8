using Microsoft.Extensions.DependencyInjection;

namespace Exo.Sdk.Tests.Cluster;

public sealed class ClusterBuilderTests
{
    public static TheoryData<string, Action<ClusterBuilder>> Bad => new()
    {
        { "*UseModel*", _ => { } },
        { "*does not exist*", builder => builder.UseModel("no/such/folder") },
        { "*0 local ranks*", builder => builder.UseModel(TinyModel.Path).UseLocalRanks(0) },
        { "*shares 3:1 do not fit 3 ranks*", builder => builder.UseModel(TinyModel.Path).UseLocalRanks(3).UseShares(3, 1) },
        { "*shares*", builder => builder.UseModel(TinyModel.Path).UseLocalRanks(2).UseShares(3, -1) },
        { "*cluster key*", builder => builder.UseModel(TinyModel.Path).AddNode("192.0.2.1:7070") },
        { "*host:port*", builder => builder.UseModel(TinyModel.Path).AddNode("nowhere") },
        { "*Heartbeats*", builder => builder.UseModel(TinyModel.Path).UseHeartbeats(new HeartbeatOptions { Interval = TimeSpan.Zero }) },
        { "*0 threads*", builder => builder.UseModel(TinyModel.Path).UseThreadsPerRank(0) },
        { "*context of 100000*", builder => builder.UseModel(TinyModel.Path).UseContextLength(100_000) },
        { "*wire precision 9*", builder => builder.UseModel(TinyModel.Path).UseWirePrecision((WirePrecision)9) },
        { "*AddNode*", builder => builder.UseLocalRanks(2, RankHosting.Remote) },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Options_that_cannot_work_are_refused_with_what_to_do(string message, Action<ClusterBuilder> configure)
    {
        Func<Task> build = async () =>
        {
            ClusterBuilder builder = new();
            configure(builder);
            await builder.BuildAsync();
        };
        await build.Should().ThrowAsync<ConfigurationException>().WithMessage(message);
    }

    [Fact]
    public async Task Too_many_ranks_are_refused_with_reasons()
    {
        Func<Task> build = () => new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(64).BuildAsync();
        (await build.Should().ThrowAsync<PlanRefusedException>()).Which.Reasons.Should().NotBeEmpty();
    }

    [Fact]
    public async Task A_tokenizer_with_a_token_that_the_model_lacks_is_refused_before_anything_starts()
    {
        string folder = Directory.CreateTempSubdirectory("exo-foreign-tokenizer-").FullName;
        try
        {
            foreach (string file in Directory.GetFiles(TinyModel.Path))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            File.WriteAllText(Path.Combine(folder, "added_tokens.json"), """{"<beyond>":60000}""");
            Func<Task> build = () => new ClusterBuilder().UseModel(folder).BuildAsync();
            ModelFormatException error = (await build.Should().ThrowAsync<ModelFormatException>().WithMessage("*'<beyond>'*vocab_size*60000*")).Which;
            error.File.Should().EndWith("added_tokens.json");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_builder_is_used_once()
    {
        ClusterBuilder builder = new ClusterBuilder().UseModel(TinyModel.Path);
        await (await builder.BuildAsync()).DisposeAsync();
        FluentActions.Invoking(() => builder.UseMaxSequences(2)).Should().Throw<InvalidOperationException>();
    }

    [Fact]
    public async Task Services_share_one_cluster_and_end_it()
    {
        ServiceCollection services = new();
        services.AddExoCluster(builder => builder.UseModel(TinyModel.Path).UseLocalRanks(2));
        Sdk.Cluster cluster;
        await using (ServiceProvider provider = services.BuildServiceProvider())
        {
            ClusterProvider clusters = provider.GetRequiredService<ClusterProvider>();
            cluster = await clusters.GetAsync();
            (await clusters.GetAsync()).Should().BeSameAs(cluster);
            (await cluster.GenerateTextAsync("Hello!")).Should().NotBeEmpty();
        }

        await FluentActions.Awaiting(() => cluster.GenerateTextAsync("Hello!")).Should().ThrowAsync<ObjectDisposedException>();
    }
}
