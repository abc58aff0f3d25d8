namespace Exo.Sdk.OnnxRuntime.Tests;

/// <summary>A cluster in a program that has added the package.</summary>
public sealed class ClusterTests
{
    private static readonly Prompt Question = Prompt.Tokens(1, 2, 3, 4, 5);

    [Fact]
    public async Task It_is_a_fallback_until_it_is_asked_for_by_name()
    {
        await using Cluster automatic = await new ClusterBuilder().UseModel(TinyModel.Path).UseOnnxRuntime().BuildAsync();
        await using Cluster named = await new ClusterBuilder().UseModel(TinyModel.Path).UseOnnxRuntime().UseBackend("onnxruntime").BuildAsync();

        automatic.Backend.Should().Be("cpu");
        named.Backend.Should().Be("onnxruntime");
        (await TokensAsync(named)).Should().Equal(await TokensAsync(automatic));
    }

    [Fact]
    public async Task A_child_process_finds_it_without_being_told()
    {
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(2, RankHosting.ChildProcess)
            .UseOnnxRuntime()
            .UseBackend("onnxruntime")
            .BuildAsync();
        await using Cluster alone = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();

        (await TokensAsync(cluster)).Should().Equal(await TokensAsync(alone));
    }

    [Fact]
    public async Task A_node_that_adds_it_can_be_asked_for_it_and_one_that_does_not_says_which_package_to_add()
    {
        NodeOptions plain = new() { ModelFolder = TinyModel.Path };
        await using ExoNode with = ExoNode.Start(plain.UseOnnxRuntime());
        await using ExoNode without = ExoNode.Start(plain);

        await using Cluster cluster = await Onto(with).BuildAsync();
        (await TokensAsync(cluster)).Should().NotBeEmpty();

        Func<Task> onto = () => Onto(without).BuildAsync();
        (await onto.Should().ThrowAsync<ExoException>()).Which.Message.Should().ContainAll("'onnxruntime'", "dotnet add package Exo.Sdk.OnnxRuntime", "UseOnnxRuntime()");
    }

    private static ClusterBuilder Onto(ExoNode node) => new ClusterBuilder()
        .UseModel(TinyModel.Path)
        .AddNode(node.Endpoint.Address.ToString(), node.Endpoint.Port)
        .UseOnnxRuntime()
        .UseBackend("onnxruntime");

    private static async Task<int[]> TokensAsync(Cluster cluster)
    {
        List<int> tokens = [];
        await foreach (GeneratedToken token in cluster.GenerateAsync(Question, GenerationOptions.Greedy with { MaxTokens = 12 }))
        {
            tokens.Add(token.Id);
        }

        return [.. tokens];
    }
}
