using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

/// <summary>The backend keeps what the seam promises.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    private static readonly string[] NotYet = ["soft caps of scores", "sinks", "normed results", "norms with weights from one", "layer norms", "gelu", "gelu by tanh"];

    private static readonly BackendConformance Suite = new(new CpuBackend(), new BackendConformanceOptions { Tolerance = 2e-5 });

    public static TheoryData<string> Checks() => [.. Suite.Checks.Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Checks))]
    public Task It_conforms(string check) => Suite.RunAsync(check, output.WriteLine);

    [Fact]
    public void All_but_the_floating_point_packings_and_what_no_family_here_has_are_supported() =>
        Suite.Supported.Should().HaveCount(40).And.NotContain(name => name.Contains("fp", StringComparison.Ordinal) || NotYet.Contains(name));
}
