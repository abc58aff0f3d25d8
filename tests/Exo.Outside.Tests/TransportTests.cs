using Exo.Sdk;
using Exo.Sdk.Testing.Conformance;
using Xunit.Abstractions;

namespace Exo.Outside.Tests;

/// <summary>A transport from outside, with what is public alone, keeps what the seams promise and carries a cluster.</summary>
public sealed class TransportTests(ITestOutputHelper output)
{
    private static readonly TransportConformanceOptions Options = new() { GroupSizes = [1, 3] };

    public static TheoryData<string> Transports => [.. new TransportConformance(new MaskedTransport(), Options).Checks.Where(check => !check.MustRunAlone).Select(check => check.Name)];

    public static TheoryData<string> Collectives => [.. new CollectiveConformance(new MaskedTransport(), Options).Checks.Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Transports))]
    public Task It_connects_as_any_other(string check) => new TransportConformance(new MaskedTransport(), Options).RunAsync(check, output.WriteLine);

    [Theory]
    [MemberData(nameof(Collectives))]
    public Task Its_groups_sum_as_any_other(string check) => new CollectiveConformance(new MaskedTransport(), Options).RunAsync(check, output.WriteLine);

    [Fact]
    public async Task A_host_takes_it_where_its_nodes_have_it_too()
    {
        NodeOptions options = new() { ModelFolder = TinyModel.Path };
        await using ExoNode node = ExoNode.Start(options.UseMasked());
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .AddNode(node.Endpoint.Address.ToString(), node.Endpoint.Port)
            .UseMasked()
            .BuildAsync();

        cluster.Transport.Should().Be("masked");
        (await cluster.GenerateAsync("What is 2 plus 3?", GenerationOptions.Greedy).FirstAsync()).Text.Should().NotBeEmpty();
    }
}
