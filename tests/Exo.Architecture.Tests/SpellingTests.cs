using System.Text.RegularExpressions;

namespace Exo.Architecture.Tests;

/// <summary>One spelling, the American one, in code, comments and documents.</summary>
public sealed partial class SpellingTests
{
    private static readonly string[] Kinds = [".cs", ".md", ".csproj", ".props", ".targets", ".sh", ".c", ".h"];

    [Fact]
    public void Words_are_spelled_one_way()
    {
        string root = Path.GetFullPath(Path.Combine(ShippedProject.All[0].Folder, "..", ".."));
        IEnumerable<string> files = new[] { "src", "tests", "docs", "eng", "native", "tools", "benchmarks", "samples" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*", SearchOption.AllDirectories))
            .Concat(Directory.EnumerateFiles(root))
            .Where(file => Kinds.Contains(Path.GetExtension(file)) && !Data().IsMatch(Path.GetRelativePath(root, file).Replace('\\', '/')));

        files.SelectMany(file => British().Matches(File.ReadAllText(file)).Select(word => $"{Path.GetRelativePath(root, file)}: {word.Value}")).Should().BeEmpty();
    }

    [Theory]
    [InlineData("quanti", "sed", true)]
    [InlineData("Weight", "Catalogue", true)]
    [InlineData("neigh", "bours", true)]
    [InlineData("quanti", "zed", false)]
    [InlineData("prom", "ise", false)]
    [InlineData("ot", "herwise", false)]
    public void Other_spellings_are_found(string start, string end, bool isBritish) => British().IsMatch($"a {start}{end} b").Should().Be(isBritish);

    /// <summary>Build outputs, and texts that are data: models, templates and tokenizers to compare with, and this list.</summary>
    [GeneratedRegex(@"/(bin|obj)/|^tests/golden/(?!README|doctor)|/exo-tiny|^tools/Exo\.TinyModel\.Trainer/|/SpellingTests\.cs$")]
    private static partial Regex Data();

    [GeneratedRegex(
        @"\w*(quanti|ormali|eriali|nitiali|ecogni|rgani|ptimi|peciali|okeni|ectori|inali|inimi|aximi|ummari|ynchroni|aralleli|enerali|uthori|rioriti|ategori|apitali|andomi|tandardi|tabili|isuali|ustomi|aniti|utili)s(e|ed|es|er|ers|ing|able|ation|ations)\b"
        + @"|\w*(ehaviour|[Cc]olour|eighbour|[Ff]avour|[Hh]onour|atalogue|[Ll]icence|rtefact|[Jj]udgement|cknowledgement)\w*"
        + @"|\b[Cc]ancell(ed|ing)\b|\b[Ll]abell(ed|ing)\b|\b[Ss]ignall(ed|ing)\b|\b[Mm]odell(ed|ing)\b|\b[Cc]entre\b|\b[Dd]efence\b|\banaly(se|sed|sing)\b")]
    private static partial Regex British();
}
