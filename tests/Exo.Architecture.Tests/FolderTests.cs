using Xunit.Abstractions;

namespace Exo.Architecture.Tests;

/// <summary>A folder is a room with one purpose, so no two neighbors need each other, directly or around others.</summary>
public sealed class FolderTests(ITestOutputHelper output)
{
    public static TheoryData<string> Projects => [.. ShippedProject.All.Select(project => project.Name)];

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_folders_depend_on_each_other_in_a_circle(string name)
    {
        ILookup<(string From, string To), FolderReference> edges = FolderReferences
            .Read(ShippedProject.Named(name))
            .Where(reference => reference.Neighbors is not null)
            .ToLookup(reference => reference.Neighbors!.Value);

        IReadOnlyList<IReadOnlyList<string>> circles = Circles.In(edges.Select(edge => edge.Key));

        foreach (IReadOnlyList<string> circle in circles)
        {
            output.WriteLine($"circle: {string.Join(", ", circle)}");
            foreach (IGrouping<(string From, string To), FolderReference> edge in edges.Where(edge => circle.Contains(edge.Key.From) && circle.Contains(edge.Key.To)))
            {
                output.WriteLine($"  {edge.Key.From} -> {edge.Key.To}: {string.Join(", ", edge.Select(use => $"{use.User} uses {use.Used}"))}");
            }
        }

        circles.Should().BeEmpty();
    }
}
