using Exo.Sdk.Nodes;
using Exo.Sdk.Tests.Models;

namespace Exo.Sdk.Tests.Cluster.Nodes;

/// <summary>Whatever path a host names, only what lies below a root is found.</summary>
public sealed class ModelRootsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _root;
    private readonly string _elsewhere;

    public ModelRootsTests()
    {
        // Where the temporary folder itself lies behind a link, as on a Mac.
        string real = RealPath.Of(_folder.Path)!;
        _root = Path.Combine(real, "models");
        _elsewhere = Path.Combine(real, "elsewhere", "secret");
        Directory.CreateDirectory(Path.Combine(_root, "family", "llama"));
        Directory.CreateDirectory(Path.Combine(_root, "tiny"));
        Directory.CreateDirectory(_elsewhere);
        Directory.CreateDirectory(_root + "-not");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_path_below_a_root_or_the_name_of_a_folder_there_is_found()
    {
        ModelRoots roots = ModelRoots.Below([_root]);
        string tiny = Path.Combine(_root, "tiny");
        roots.Find(tiny).Should().Be(tiny);
        roots.Find("tiny").Should().Be(tiny);
        roots.Find("tiny/").Should().Be(tiny);
        roots.Find("/home/of/the/host/tiny").Should().Be(tiny);
        roots.Find(@"C:\Users\host\tiny").Should().Be(tiny);
        roots.Find(Path.Combine(_root, "family", "llama")).Should().Be(Path.Combine(_root, "family", "llama"));
        roots.Find(Path.Combine(_root, "family", "..", "tiny")).Should().Be(tiny);
        roots.Find(_root).Should().Be(_root);
    }

    [Fact]
    public void Nothing_else_is()
    {
        ModelRoots roots = ModelRoots.Below([_root]);
        string[] asked =
        [
            "", ".", "..", "../elsewhere/secret", "../..", "/", "/etc", _elsewhere, _root + "-not", Path.GetDirectoryName(_root)!,
            Path.Combine(_root, "..", "elsewhere", "secret"), Path.Combine(_root, "tiny", "..", "..", "elsewhere", "secret"),
            "secret", "not there", "tiny\0", "\0", "family/llama", @"..\elsewhere\secret", new string('a', 5000), "file:///etc", "~",
        ];
        foreach (string path in asked)
        {
            FluentActions.Invoking(() => roots.Find(path)).Should().Throw<ConfigurationException>(path).WithMessage("*is not on this node*");
        }
    }

    [Fact]
    public void Links_are_followed_before_it_is_asked_where_something_lies()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        ModelRoots roots = ModelRoots.Below([_root]);
        string tiny = Path.Combine(_root, "tiny");
        Link("inside", "tiny");
        roots.Find("inside").Should().Be(tiny, "a link inside the root is another name");
        Link("outside", _elsewhere);
        Link("relative", "../elsewhere/secret");
        Link("parent", "..");
        Link("chain", "outside");
        Link("loop", "loop");
        Link("dangling", "nothing");
        foreach (string name in new[] { "outside", "relative", "chain", "loop", "dangling" })
        {
            Refused(roots, name);
            Refused(roots, Path.Combine(_root, name));
        }

        Refused(roots, Path.Combine(_root, "parent", "elsewhere", "secret"));

        // A link to a model that lies below another root is sound.
        ModelRoots.Below([_root, Path.GetDirectoryName(_elsewhere)!]).Find("outside").Should().Be(_elsewhere);
    }

    [Fact]
    public void A_root_behind_a_link_is_the_folder_it_leads_to()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        string link = Path.Combine(_folder.Path, "link");
        Directory.CreateSymbolicLink(link, _root);
        ModelRoots.Below([link]).Find("tiny").Should().Be(Path.Combine(_root, "tiny"));
    }

    [Fact]
    public void One_model_is_that_model_whatever_is_asked()
    {
        ModelRoots only = ModelRoots.Only(Path.Combine(_root, "tiny"));
        only.Find("/etc").Should().Be(Path.Combine(_root, "tiny"));
        only.Find("").Should().Be(Path.Combine(_root, "tiny"));
    }

    [Fact]
    public void Without_roots_nothing_is_found() =>
        FluentActions.Invoking(() => ModelRoots.Below([]).Find(_root)).Should().Throw<ConfigurationException>().WithMessage("*looks below no folder*");

    private void Link(string name, string target) => Directory.CreateSymbolicLink(Path.Combine(_root, name), target);

    private static void Refused(ModelRoots roots, string asked) =>
        FluentActions.Invoking(() => roots.Find(asked)).Should().Throw<ConfigurationException>(asked);
}
