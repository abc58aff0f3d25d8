using Exo.Sdk;
using Exo.Sdk.Models;
using Exo.Sdk.Models.Families;
using Exo.Sdk.Testing;

namespace Exo.Outside.Tests;

/// <summary>A family of somebody else: Llama's decoder under another name, whose configuration calls its channels otherwise.</summary>
internal sealed class Pebble : IModelFamily
{
    public string Name => "pebble";

    public string Architecture => "PebbleForCausalLM";

    public ModelSpec Read(ConfigObject config, WeightCatalog weights) =>
        config.Integer("pebble_version", 1, 1) == 1 ? new Decoder().Read(config, weights) : throw new InvalidOperationException("Only 1 is within the bounds.");
}

/// <summary>A dense family from outside, with what is public alone, runs on every rank of a cluster.</summary>
public sealed class FamilyTests : IDisposable
{
    private readonly string _llama = Directory.CreateTempSubdirectory("exo-pebble").FullName;
    private readonly string _pebble = Directory.CreateTempSubdirectory("exo-pebble").FullName;

    public FamilyTests()
    {
        RandomModel.Write(_llama, new RandomModelOptions());
        foreach (string file in Directory.GetFiles(_llama))
        {
            File.Copy(file, Path.Combine(_pebble, Path.GetFileName(file)));
        }

        string config = Path.Combine(_pebble, "config.json");
        File.WriteAllText(config, File.ReadAllText(config)
            .Replace("\"LlamaForCausalLM\"", "\"PebbleForCausalLM\"", StringComparison.Ordinal)
            .Replace("\"model_type\"", "\"pebble_version\": 1, \"model_type\"", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(RankHosting.InProcess)]
    [InlineData(RankHosting.ChildProcess)]
    public async Task It_is_read_on_every_local_rank(RankHosting hosting) =>
        (await TokensAsync(Of(_pebble).OfferFamily(new Pebble()).UseLocalRanks(2, hosting))).Should().Equal(await TokensAsync(Of(_llama)));

    [Fact]
    public async Task It_is_read_on_a_node_that_has_it()
    {
        await using ExoNode node = ExoNode.Start(new NodeOptions { ModelFolder = _pebble, Families = [new Pebble()] });

        (await TokensAsync(Of(_pebble).OfferFamily(new Pebble()).AddNode(node.Endpoint.Address.ToString(), node.Endpoint.Port)))
            .Should().Equal(await TokensAsync(Of(_llama)));
    }

    [Fact]
    public async Task Where_it_is_not_offered_the_model_is_refused_by_name()
    {
        Func<Task> start = () => Of(_pebble).BuildAsync();

        (await start.Should().ThrowAsync<UnsupportedModelException>()).Which.Message.Should().Contain("PebbleForCausalLM");
    }

    public void Dispose()
    {
        Directory.Delete(_llama, recursive: true);
        Directory.Delete(_pebble, recursive: true);
    }

    private static ClusterBuilder Of(string folder) => new ClusterBuilder().UseModel(folder);

    private static async Task<int[]> TokensAsync(ClusterBuilder builder)
    {
        await using Cluster cluster = await builder.BuildAsync();
        List<int> tokens = [];
        await foreach (GeneratedToken token in cluster.GenerateAsync(Prompt.Tokens(3, 1, 4, 1, 5), GenerationOptions.Greedy with { MaxTokens = 8 }))
        {
            tokens.Add(token.Id);
        }

        return [.. tokens];
    }
}
