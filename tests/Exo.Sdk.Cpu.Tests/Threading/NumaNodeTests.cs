using Exo.Sdk.Cpu.Threading;

namespace Exo.Sdk.Cpu.Tests.Threading;

public sealed class NumaNodeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("exo-numa-").FullName;

    [Theory]
    [InlineData("0", new[] { 0 })]
    [InlineData("0-3\n", new[] { 0, 1, 2, 3 })]
    [InlineData("0-1,4,6-7\n", new[] { 0, 1, 4, 6, 7 })]
    [InlineData("\n", new int[0])]
    public void A_list_of_processors_is_read(string list, int[] expected) => NumaNode.Parse(list).Should().Equal(expected);

    [Fact]
    public void The_processors_of_the_same_node_are_found()
    {
        Add("node0", "0-1,4-5\n");
        Add("node1", "2-3,6-7\n");

        NumaNode.Around(6, _folder).Should().Equal(2, 3, 6, 7);
        NumaNode.Around(9, _folder).Should().BeNull("no node has it");
    }

    [Theory]
    [InlineData("0-7\n")]
    [InlineData(null)]
    public void Where_there_is_one_node_or_none_nothing_is_to_be_chosen(string? list)
    {
        if (list is not null)
        {
            Add("node0", list);
        }

        NumaNode.Around(0, _folder).Should().BeNull();
    }

    [Fact]
    public void A_damaged_description_is_no_description()
    {
        Add("node0", "zero\n");
        Add("node1", "1\n");

        NumaNode.Around(1, _folder).Should().BeNull();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Add(string node, string list)
    {
        Directory.CreateDirectory(Path.Combine(_folder, node));
        File.WriteAllText(Path.Combine(_folder, node, "cpulist"), list);
    }
}
