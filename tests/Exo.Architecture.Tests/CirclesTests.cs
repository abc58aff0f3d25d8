namespace Exo.Architecture.Tests;

/// <summary>The finder finds what it is for.</summary>
public sealed class CirclesTests
{
    [Theory]
    [InlineData("a>b b>c a>c", "")]
    [InlineData("a>b b>a", "a,b")]
    [InlineData("a>b b>c c>d d>b x>a", "b,c,d")]
    [InlineData("a>b b>a c>d d>c b>c", "a,b|c,d")]
    public void Those_that_reach_each_other_are_found(string graph, string expected)
    {
        IEnumerable<(string, string)> edges = graph.Split(' ').Select(edge => (edge[..1], edge[2..]));

        string.Join('|', Circles.In(edges).Select(circle => string.Join(',', circle)).Order(StringComparer.Ordinal)).Should().Be(expected);
    }

    [Theory]
    [InlineData("Cluster/Hosts", "Cluster/Control", "Cluster/Hosts>Cluster/Control")]
    [InlineData("Cluster/Hosts", "Planning", "Cluster>Planning")]
    [InlineData("Models/Weights/Gguf", "Models/Families", "Models/Weights>Models/Families")]
    [InlineData("Models/Families", "Models", null)]
    [InlineData("", "Models", null)]
    [InlineData("Model", "Models", "Model>Models")]
    public void A_reference_counts_between_the_neighbors_in_the_folder_around_both(string from, string to, string? expected) =>
        (new FolderReference(from, to, "User", "Used").Neighbors is { } pair ? $"{pair.From}>{pair.To}" : null).Should().Be(expected);

    [Fact]
    public void References_are_found_wherever_a_type_is_named()
    {
        IReadOnlyList<FolderReference> found = FolderReferences.Read(ShippedProject.Named("Exo.Sdk.Transport"));

        found.Should().Contain(new FolderReference("Tcp", "Links", "TcpLinkGroup", "LinkGroup"), "it is the base type");
        found.Should().NotContain(reference => reference.From == "Links" && reference.To == "Tcp");
    }
}
