using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Exo.Architecture.Tests;

/// <summary>Arrows between what is shipped point down only, and what one package keeps to itself no other one sees.</summary>
public sealed class ProjectTests
{
    /// <summary>
    /// Every shipped project with all that it may reference, lower ones first: a project stands below those that reference it. A line is
    /// changed on purpose or not at all.
    /// </summary>
    private static readonly (string Project, string[] MayReference)[] Arrows =
    [
        ("Exo.Abstractions", []),
        ("Exo.Sdk.TinyModel", []),
        ("Exo.Sdk.Tokenization", ["Exo.Abstractions"]),
        ("Exo.Sdk.Transport", ["Exo.Abstractions"]),
        ("Exo.Sdk.Backends", ["Exo.Abstractions"]),
        ("Exo.Sdk.Cpu", ["Exo.Abstractions", "Exo.Sdk.Backends"]),
        ("Exo.Sdk.OnnxRuntime", ["Exo.Abstractions", "Exo.Sdk.Backends"]),
        ("Exo.Sdk.Mlx", ["Exo.Abstractions", "Exo.Sdk.Backends"]),
        ("Exo.Sdk.Rdma", ["Exo.Abstractions", "Exo.Sdk.Transport"]),
        ("Exo.Sdk", ["Exo.Abstractions", "Exo.Sdk.Cpu", "Exo.Sdk.Tokenization", "Exo.Sdk.Transport"]),
        ("Exo.Sdk.Testing", ["Exo.Sdk", "Exo.Sdk.TinyModel"]),
        ("Exo.Cli", ["Exo.Sdk", "Exo.Sdk.Mlx", "Exo.Sdk.Rdma", "Exo.Sdk.TinyModel"]),
    ];

    public static TheoryData<string> Projects => [.. ShippedProject.All.Select(project => project.Name)];

    [Fact]
    public void The_list_of_arrows_itself_points_down()
    {
        string[] order = [.. Arrows.Select(arrow => arrow.Project)];

        Arrows.Should().OnlyContain(arrow => arrow.MayReference.All(target => Array.IndexOf(order, target) >= 0 && Array.IndexOf(order, target) < Array.IndexOf(order, arrow.Project)));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_what_stands_below_it_and_nothing_else(string name)
    {
        string[] allowed = Arrows.Should().ContainSingle(arrow => arrow.Project == name, "every shipped project has its place").Which.MayReference;

        ShippedProject.Named(name).References.Should().BeSubsetOf(allowed);
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_package_shows_its_internals_to_another(string name)
    {
        IEnumerable<string> shipped = ShippedProject.All.Select(project => Path.GetFileNameWithoutExtension(project.Assembly));

        Friends(ShippedProject.Named(name)).Should().NotIntersectWith(shipped);
    }

    [Fact]
    public void Friends_are_found() => Friends(ShippedProject.Named("Exo.Sdk")).Should().Contain("Exo.Sdk.Tests");

    private static List<string> Friends(ShippedProject project)
    {
        using PEReader image = new(File.OpenRead(project.Assembly));
        MetadataReader metadata = image.GetMetadataReader();
        List<string> friends = [];
        foreach (CustomAttributeHandle handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            CustomAttribute attribute = metadata.GetCustomAttribute(handle);
            if (attribute.Constructor.Kind == HandleKind.MemberReference
                && metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent is { Kind: HandleKind.TypeReference } parent
                && metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)parent).Name) == "InternalsVisibleToAttribute")
            {
                BlobReader value = metadata.GetBlobReader(attribute.Value);
                value.ReadUInt16();
                friends.Add(value.ReadSerializedString()!.Split(',')[0]);
            }
        }

        return friends;
    }
}
