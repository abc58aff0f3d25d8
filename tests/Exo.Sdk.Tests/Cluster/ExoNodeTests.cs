using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>Nodes that listen, with real connections over loopback.</summary>
[Collection(ProcessCollection.Name)]
public sealed class ExoNodeTests
{
    private const string Key = "a key for the tests only";
    private static readonly GenerationOptions Short = new() { Temperature = 0, MaxTokens = 12, IgnoreEndTokens = true };

    private static ClusterBuilder HostOf(params ExoNode[] nodes)
    {
        ClusterBuilder builder = new ClusterBuilder().UseModel(TinyModel.Path).UseClusterKey(Key);
        foreach (ExoNode node in nodes)
        {
            builder.AddNode(node.Endpoint.ToString());
        }

        return builder;
    }

    private static ExoNode StartNode(string? key = Key, string? model = null) =>
        ExoNode.Start(new NodeOptions { ClusterKey = key, ModelFolder = model });

    [Fact]
    public async Task Nodes_say_what_one_rank_says_and_serve_one_host_after_another()
    {
        await using Sdk.Cluster one = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();
        string expected = await one.GenerateTextAsync("Hello!", Short);
        await using ExoNode first = StartNode();
        await using ExoNode second = StartNode();
        for (int round = 0; round < 2; round++)
        {
            await using Sdk.Cluster cluster = await HostOf(first, second).BuildAsync();
            cluster.Plan.WorldSize.Should().Be(3);
            (await cluster.GenerateTextAsync("Hello!", Short)).Should().Be(expected);
            (await cluster.GetRankStatusAsync())[1].Hosting.Should().Be(RankHosting.Remote);
        }
    }

    [Fact]
    public async Task A_wrong_key_is_refused_and_the_node_lives_on()
    {
        await using ExoNode node = StartNode("another key, not the host's");
        Func<Task> build = () => HostOf(node).BuildAsync();
        await build.Should().ThrowAsync<NodeException>().WithMessage("*key*");
        await using Sdk.Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseClusterKey("another key, not the host's")
            .AddNode(node.Endpoint.ToString())
            .BuildAsync();
        (await cluster.GenerateTextAsync("Hello!", Short)).Should().NotBeEmpty();
    }

    [Fact]
    public async Task A_node_with_another_model_says_so()
    {
        await using ExoNode node = StartNode(model: TinyModel.Path4Bit);
        Func<Task> build = () => HostOf(node).BuildAsync();
        await build.Should().ThrowAsync<ConfigurationException>().WithMessage("Node *not the host's*fingerprint*");
    }

    [Fact]
    public async Task A_node_that_is_not_there_is_named()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string endpoint = socket.LocalEndPoint!.ToString()!;
        Func<Task> build = () => new ClusterBuilder().UseModel(TinyModel.Path).AddNode(endpoint).BuildAsync();
        await build.Should().ThrowAsync<NodeException>().WithMessage($"*{endpoint}*exo node*");
    }

    /// <summary>As one that is frozen does: the system accepts for it.</summary>
    [Fact]
    public async Task A_node_that_accepts_and_says_nothing_is_given_up_as_any_silent_one()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        string endpoint = listener.LocalEndpoint.ToString()!;
        long began = Stopwatch.GetTimestamp();
        Func<Task> build = () => new ClusterBuilder().UseModel(TinyModel.Path).UseClusterKey(Key).AddNode(endpoint).BuildAsync();
        await build.Should().ThrowAsync<NodeException>().WithMessage($"*{endpoint}*did not answer within 1200 ms*");
        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task A_node_that_shuts_down_is_a_lost_peer()
    {
        ExoNode node = StartNode();
        await using Sdk.Cluster cluster = await HostOf(node).BuildAsync();
        await node.DisposeAsync();
        (await cluster.Faulted.WaitAsync(TimeSpan.FromSeconds(10))).Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(1);
    }

    [Fact]
    public async Task Garbage_and_silence_do_not_disturb_a_node()
    {
        await using ExoNode node = StartNode();
        using TcpClient garbage = new();
        await garbage.ConnectAsync(node.Endpoint);
        await garbage.GetStream().WriteAsync(new byte[10_000]);
        using TcpClient silent = new();
        await silent.ConnectAsync(node.Endpoint);
        await using Sdk.Cluster cluster = await HostOf(node).BuildAsync();
        (await cluster.GenerateTextAsync("Hello!", Short)).Should().NotBeEmpty();
    }

    [Fact]
    public async Task A_second_host_is_told_that_the_node_is_taken()
    {
        await using ExoNode node = StartNode();
        await using Sdk.Cluster cluster = await HostOf(node).BuildAsync();
        Func<Task> build = () => HostOf(node).BuildAsync();
        await build.Should().ThrowAsync<NodeException>().WithMessage("*another host*");
        (await cluster.GenerateTextAsync("Hello!", Short)).Should().NotBeEmpty();
    }

    [Fact]
    public void Beyond_loopback_a_key_is_required() =>
        FluentActions.Invoking(() => ExoNode.Start(new NodeOptions { Listen = new IPEndPoint(IPAddress.Any, 0) }))
            .Should().Throw<ConfigurationException>().WithMessage("*cluster key*");

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("fifteen letters")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task A_weak_key_is_refused_on_both_sides_also_on_loopback(string key)
    {
        FluentActions.Invoking(() => StartNode(key)).Should().Throw<ConfigurationException>().WithMessage("*cluster key of NodeOptions.ClusterKey*");
        Func<Task> build = () => new ClusterBuilder().UseModel(TinyModel.Path).UseClusterKey(key).AddNode("127.0.0.1:1").BuildAsync();
        await build.Should().ThrowAsync<ConfigurationException>().WithMessage("*cluster key of UseClusterKey*");
    }
}
