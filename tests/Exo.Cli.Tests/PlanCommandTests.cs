using Exo.Sdk;
using Exo.Sdk.Planning;
using Exo.Sdk.Testing;

namespace Exo.Cli.Tests;

/// <summary><c>exo plan</c>: how a model would be divided.</summary>
public sealed class PlanCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("exo-cli-").FullName;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task It_is_the_plan_that_a_cluster_follows(int ranks)
    {
        ExoResult result = await ExoProcess.RunAsync("plan", "--ranks", $"{ranks}", "--sequences", "3", "--context", "300", "--key-values", "Int8");
        result.ExitCode.Should().Be(0, result.Error);
        result.Error.Should().BeEmpty();
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(ranks)
            .UseMaxSequences(3)
            .UseContextLength(300)
            .UseKeyValues(KeyValuePrecision.Int8)
            .BuildAsync();
        result.Output.Should().Contain(ShardPlanText.Render(cluster.Plan));
    }

    [Fact]
    public async Task A_plan_that_cannot_be_is_refused_with_the_reason()
    {
        ExoResult result = await ExoProcess.RunAsync("plan", "--ranks", "2", "--memory", "0.0001");
        result.ExitCode.Should().Be(1);
        result.Output.Should().BeEmpty();
        result.Error.Should().StartWith("exo: ").And.Contain("cannot be placed");
    }

    [Fact]
    public async Task Tensors_that_nothing_uses_are_told()
    {
        RandomModel.Write(_folder, new RandomModelOptions { LayerCount = 2 });
        (await ExoProcess.RunAsync("plan", "--model", _folder)).Output.Should().NotContain("not used");

        string config = Path.Combine(_folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", StringComparison.Ordinal));
        ExoResult result = await ExoProcess.RunAsync("plan", "--model", _folder);
        result.ExitCode.Should().Be(0, result.Error);
        result.Output.Should().Contain("tensors in the model's files are not used: model.layers.1.");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
