using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

/// <summary>The backend keeps what the seam promises.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    private static readonly BackendConformance Suite = new(new CpuBackend(), new BackendConformanceOptions { Tolerance = 2e-5 });

    public static TheoryData<string> Checks() => [.. Suite.Checks.Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Checks))]
    public Task It_conforms(string check) => Suite.RunAsync(check, output.WriteLine);

    [Fact]
    public void All_but_the_floating_point_packings_are_supported() =>
        Suite.Supported.Should().HaveCount(33).And.NotContain(name => name.Contains("fp", StringComparison.Ordinal));
}
