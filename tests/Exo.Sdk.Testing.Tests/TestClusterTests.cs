using System.Diagnostics;
using Xunit.Abstractions;

namespace Exo.Sdk.Testing.Tests;

public sealed class TestClusterTests(ITestOutputHelper output)
{
    private static readonly GenerationOptions Greedy = new() { Temperature = 0, MaxTokens = 24 };

    [Fact]
    public async Task It_starts_in_a_moment_and_answers()
    {
        await (await TestCluster.StartAsync()).DisposeAsync();
        List<double> milliseconds = [];
        for (int i = 0; i < 5; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await using Cluster cluster = await TestCluster.StartAsync();
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            cluster.Plan.WorldSize.Should().Be(2);
            cluster.ContextLength.Should().Be(TestCluster.ContextLength);
            cluster.Transport.Should().Be("in-process");
            (await cluster.GenerateTextAsync("Hello!", Greedy)).Should().NotBeEmpty();
        }

        milliseconds.Sort();
        output.WriteLine($"start of two ranks, ms: {string.Join(", ", milliseconds.Select(value => $"{value:F0}"))}");
        milliseconds[0].Should().BeLessThan(5000, "a test cluster must not make a test slow");
    }

    [Fact]
    public async Task Any_number_of_ranks_and_of_clusters_say_the_same()
    {
        await using Cluster one = await TestCluster.StartAsync(1);
        await using Cluster three = await TestCluster.StartAsync(3);
        (await three.GenerateTextAsync("Tell me a story.", Greedy)).Should().Be(await one.GenerateTextAsync("Tell me a story.", Greedy));
    }

    [Fact]
    public async Task Configure_has_the_last_word()
    {
        await using Cluster cluster = await TestCluster.StartAsync(1, builder => builder.UseContextLength(32).UseModel(TinyModel.Path4Bit));
        cluster.ContextLength.Should().Be(32);
        cluster.Model.Layers[0].Should().NotBeNull();
        await FluentActions.Awaiting(() => TestCluster.StartAsync(configure: builder => builder.UseLocalRanks(0)))
            .Should().ThrowAsync<ConfigurationException>();
    }
}
