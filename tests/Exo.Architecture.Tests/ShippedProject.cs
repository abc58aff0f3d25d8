using System.Xml.Linq;

namespace Exo.Architecture.Tests;

/// <summary>A project under <c>src/</c>, as its project file and its built assembly show it.</summary>
/// <param name="Name">The name of its folder.</param>
/// <param name="Folder">The path of its folder.</param>
/// <param name="Assembly">The path of its assembly in the test's output.</param>
internal sealed record ShippedProject(string Name, string Folder, string Assembly)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ShippedProject> All { get; } = Find();

    /// <summary>The one of a name.</summary>
    public static ShippedProject Named(string name) => All.Single(project => project.Name == name);

    /// <summary>The projects that its project file references.</summary>
    public IReadOnlySet<string> References => Document.Descendants("ProjectReference")
        .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))
        .ToHashSet(StringComparer.Ordinal);

    private XDocument Document => XDocument.Load(Path.Combine(Folder, Name + ".csproj"));

    private static List<ShippedProject> Find()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Exo.Sdk.sln")))
        {
            root = root.Parent;
        }

        string source = Path.Combine(root?.FullName ?? throw new DirectoryNotFoundException("Exo.Sdk.sln is not above the test's folder."), "src");
        return [.. Directory.GetFiles(source, "*.csproj", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file =>
        {
            string name = Path.GetFileNameWithoutExtension(file);
            string assembly = XDocument.Load(file).Descendants("AssemblyName").FirstOrDefault()?.Value ?? name;
            return new ShippedProject(name, Path.GetDirectoryName(file)!, Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
        })];
    }
}
