using Exo.Sdk.Planning;
using Exo.Sdk.Testing;
using Exo.Sdk.Transport;
using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>What is shown before the start is what the start makes.</summary>
[Collection(ProcessCollection.Name)]
public sealed class ClusterPreviewTests
{
    [Theory]
    [InlineData(1, RankHosting.InProcess)]
    [InlineData(3, RankHosting.InProcess)]
    [InlineData(2, RankHosting.ChildProcess)]
    public async Task The_plan_is_the_one_that_the_cluster_follows(int ranks, RankHosting hosting) => await ExpectSameAsync(new ClusterBuilder()
        .UseLocalRanks(ranks, hosting)
        .UseContextLength(300)
        .UseMaxSequences(3)
        .UseKeyValues(KeyValuePrecision.Int8)
        .UseThreadsPerRank(1));

    [Fact]
    public async Task Nodes_are_asked_for_what_they_have()
    {
        await using ExoNode node = ExoNode.Start(new NodeOptions { Transports = [new TcpTransport()] });
        await ExpectSameAsync(new ClusterBuilder().AddNode(node.Endpoint.ToString()).UseThreadsPerRank(1));
    }

    [Fact]
    public async Task What_cannot_be_is_refused_as_at_the_start()
    {
        ClusterBuilder builder = new ClusterBuilder().UseModel(TinyModel.Path).UseContextLength(1_000_000);
        string told = (await builder.Awaiting(b => b.PlanAsync()).Should().ThrowAsync<ConfigurationException>()).Which.Message;
        (await builder.Awaiting(b => b.BuildAsync()).Should().ThrowAsync<ConfigurationException>()).Which.Message.Should().Be(told);
    }

    [Fact]
    public async Task Tensors_that_nothing_uses_are_told_once()
    {
        string folder = Directory.CreateTempSubdirectory("exo-unused-").FullName;
        try
        {
            RandomModel.Write(folder, new RandomModelOptions { LayerCount = 2 });
            (await new ClusterBuilder().UseModel(folder).PlanAsync()).UnusedTensors.Should().BeEmpty();

            string config = Path.Combine(folder, "config.json");
            File.WriteAllText(config, File.ReadAllText(config).Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", StringComparison.Ordinal));
            IReadOnlyList<string> unused = (await new ClusterBuilder().UseModel(folder).PlanAsync()).UnusedTensors;
            unused.Should().NotBeEmpty().And.OnlyContain(name => name.StartsWith("model.layers.1.")).And.BeInAscendingOrder(StringComparer.Ordinal);

            Warnings warnings = new();
            await using Sdk.Cluster cluster = await new ClusterBuilder().UseModel(folder).UseLocalRanks(2).UseLoggerFactory(warnings).BuildAsync();
            warnings.Texts.Should().ContainSingle().Which.Should().Contain($"{unused.Count} tensors").And.Contain(unused[0]).And.NotContain(unused[^1]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task ExpectSameAsync(ClusterBuilder builder)
    {
        builder.UseModel(TinyModel.Path);
        ClusterPreview preview = await builder.PlanAsync();
        await using Sdk.Cluster cluster = await builder.BuildAsync();

        ShardPlanText.Render(preview.Plan).Should().Be(ShardPlanText.Render(cluster.Plan));
        preview.Plan.Should().BeEquivalentTo(cluster.Plan);
        (preview.Backend, preview.Transport, preview.TransportReason).Should().Be((cluster.Backend, cluster.Transport, cluster.TransportReason));
    }

    private sealed class Warnings : ILoggerFactory, ILogger
    {
        public List<string> Texts { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                lock (Texts)
                {
                    Texts.Add(formatter(state, exception));
                }
            }
        }

        public void Dispose()
        {
        }
    }
}
