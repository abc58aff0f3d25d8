using System.Text.RegularExpressions;

namespace Exo.Architecture.Tests;

/// <summary>Paths and links in the documents lead somewhere.</summary>
public sealed partial class DocumentTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(ShippedProject.All[0].Folder, "..", ".."));

    public static TheoryData<string> Documents =>
    [
        .. new[] { "*.md", "docs/*.md", "docs/extending/*.md", "benchmarks/*.md", "tests/golden/*.md" }
            .SelectMany(pattern => Directory.GetFiles(Path.Combine(Root, Path.GetDirectoryName(pattern)!), Path.GetFileName(pattern)))
            .Concat(ShippedProject.All.Select(project => Path.Combine(project.Folder, "README.md")).Where(File.Exists))
            .Select(file => Path.GetRelativePath(Root, file)),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void What_a_document_names_is_there(string document)
    {
        string text = File.ReadAllText(Path.Combine(Root, document));
        string folder = Path.GetDirectoryName(Path.Combine(Root, document))!;
        IEnumerable<string> named = RepositoryPath().Matches(text).Select(match => Path.Combine(Root, match.Value.TrimEnd('.', '/')))
            .Concat(Link().Matches(text).Select(match => Path.Combine(folder, match.Groups[1].Value)));

        named.Where(path => !Path.Exists(path)).Select(path => Path.GetRelativePath(Root, path)).Should().BeEmpty();
    }

    /// <summary>A path from the repository's root, in code style; not those with placeholders.</summary>
    [GeneratedRegex(@"(?<=`)(src|tests|docs|eng|native|tools|benchmarks|samples)/[\w./-]+(?=`| [^`]*`)")]
    private static partial Regex RepositoryPath();

    /// <summary>The target of a link to another file of the repository.</summary>
    [GeneratedRegex(@"\]\((?!https?:|#)([^)#\s]+)")]
    private static partial Regex Link();
}
