using Exo.Cli.Doctor;
using Exo.Sdk;

namespace Exo.Cli.Tests.Doctor;

/// <summary>The diagnosis of every situation under <c>tests/golden/doctor</c>.</summary>
public sealed class DiagnosisTests
{
    private const string Suffix = ".facts.json";

    public static TheoryData<string> Situations =>
        [.. Directory.GetFiles(Folder(), "*" + Suffix).Select(path => Path.GetFileName(path)[..^Suffix.Length]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Situations))]
    public void A_situation_is_explained_as_recorded(string situation)
    {
        MachineFacts facts = MachineFacts.Read(Path.Combine(Folder(), situation + Suffix));

        Diagnosis.Of(facts).ToText().Should().Be(File.ReadAllText(Path.Combine(Folder(), situation + ".txt")));
    }

    [Theory]
    [MemberData(nameof(Situations))]
    public void What_cannot_be_used_has_a_reason_and_facts_survive_a_file(string situation)
    {
        MachineFacts facts = MachineFacts.Read(Path.Combine(Folder(), situation + Suffix));
        string copy = Path.GetTempFileName();
        File.WriteAllText(copy, facts.ToJson());

        DoctorReport report = Diagnosis.Of(facts);

        report.Backends.Concat(report.Transports).Should().OnlyContain(finding => finding.Reasons.Count > 0 && finding.Reasons.All(reason => reason.Length > 0));
        report.Transports.Should().ContainSingle(finding => finding.Subject == "rdma");
        MachineFacts.Read(copy).ToJson().Should().Be(facts.ToJson());
        File.Delete(copy);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"system":"macos","version":"26.2","architecture":"arm64","surprise":1}""")]
    public void A_file_with_something_else_is_refused(string text)
    {
        string path = Path.GetTempFileName();
        File.WriteAllText(path, text);

        FluentActions.Invoking(() => MachineFacts.Read(path)).Should().Throw<ConfigurationException>().WithMessage($"*{path}*");

        File.Delete(path);
    }

    [Theory]
    [InlineData("26.1", true)]
    [InlineData("26", true)]
    [InlineData("15.7.1", true)]
    [InlineData("26.2", false)]
    [InlineData("26.2.1", false)]
    [InlineData("26.10", false)]
    [InlineData("27", false)]
    [InlineData("unknown", false)]
    public void Versions_are_compared_by_number(string version, bool isBelow) => MacVersion.IsBelow(version, 26, 2).Should().Be(isBelow);

    private static string Folder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "golden", "doctor");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new DirectoryNotFoundException("tests/golden/doctor is not above the test's folder.");
    }
}
