using Exo.Sdk;
using Exo.Sdk.Transport;

namespace Exo.Outside.Tests;

/// <summary>What the parent's backend and transport are set to, those of child processes are set to as well, or the start is refused.</summary>
public sealed class ChildProcessPartTests
{
    [Theory]
    [InlineData(RankHosting.InProcess)]
    [InlineData(RankHosting.ChildProcess)]
    public async Task A_rank_computes_with_the_options_of_the_backend(RankHosting hosting)
    {
        // Each rank knows the next token of its half of the vocabulary only, so that the second half is what the child says.
        await using Cluster cluster = await Cluster(hosting).UseBackend(new CountingBackend(BackendStanding.Accelerated, step: 7)).BuildAsync();

        int last = cluster.Model.VocabularySize - 20;
        List<int> tokens = [];
        await foreach (GeneratedToken token in cluster.GenerateAsync(
            Prompt.Tokens(last), GenerationOptions.Greedy with { MaxTokens = 2, IgnoreEndTokens = true }))
        {
            tokens.Add(token.Id);
        }

        tokens.Should().Equal(last + 7, last + 14);
    }

    [Fact]
    public async Task A_rank_uses_the_options_of_the_transport()
    {
        // Ends that mask with different seeds do not understand each other.
        await using Cluster cluster = await Cluster(RankHosting.ChildProcess)
            .UseTransport(new MaskedTransport { Seed = 7 })
            .UseCollectiveDeadline(TimeSpan.FromSeconds(5))
            .BuildAsync();

        cluster.Transport.Should().Be("masked");
        (await cluster.GenerateTextAsync("What is 2 plus 3?", GenerationOptions.Greedy)).Trim().Should().Be("2 + 3 = 5.");
    }

    [Fact]
    public async Task A_part_that_does_not_describe_itself_is_refused_before_anything_starts()
    {
        Func<Task> start = () => Cluster(RankHosting.ChildProcess).UseTransport(new Secretive()).BuildAsync();

        (await start.Should().ThrowAsync<ConfigurationException>()).Which.Message.Should().Contain(nameof(Secretive)).And.Contain(nameof(IChildProcessPart));
    }

    [Fact]
    public async Task A_part_that_cannot_be_constructed_is_refused_before_anything_starts()
    {
        Func<Task> start = () => Cluster(RankHosting.ChildProcess).UseTransport(new Particular("one")).BuildAsync();

        (await start.Should().ThrowAsync<ConfigurationException>()).Which.Message.Should().Contain(nameof(Particular)).And.Contain("constructor");
    }

    [Fact]
    public async Task An_endless_description_is_refused_before_anything_starts()
    {
        Func<Task> start = () => Cluster(RankHosting.ChildProcess).UseTransport(new Talkative()).BuildAsync();

        (await start.Should().ThrowAsync<ConfigurationException>()).Which.Message.Should().Contain(nameof(Talkative)).And.Contain("16384");
    }

    [Fact]
    public async Task Threads_of_this_process_take_any_part()
    {
        await using Cluster cluster = await Cluster(RankHosting.InProcess).UseTransport(new Secretive()).BuildAsync();

        cluster.Transport.Should().Be("wrapped");
    }

    private static ClusterBuilder Cluster(RankHosting hosting) => new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(2, hosting).UseThreadsPerRank(1);

    private class Secretive : ITransport
    {
        public string Name => "wrapped";

        public Availability Probe() => Availability.Yes("wherever TCP is");

        public ValueTask<ITransportEndpoint> OpenAsync(TransportOptions options, CancellationToken cancellationToken = default) =>
            new TcpTransport().OpenAsync(options, cancellationToken);
    }

    private sealed class Particular(string name) : Secretive, IChildProcessPart
    {
        public string DescribeOptions() => name;
    }

    private sealed class Talkative : Secretive, IChildProcessPart
    {
        public string DescribeOptions() => new('x', 1 << 20);
    }
}
