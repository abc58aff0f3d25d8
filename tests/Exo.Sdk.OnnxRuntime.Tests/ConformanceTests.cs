using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

/// <summary>The backend keeps what the seam promises.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    private static readonly string[] NotYet = ["soft caps of scores", "sinks", "normed results", "norms with weights from one", "layer norms", "gelu", "gelu by tanh"];

    private static readonly BackendConformance Suite = new(new OnnxRuntimeBackend(), new BackendConformanceOptions());

    public static TheoryData<string> Checks() => [.. Suite.Checks.Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Checks))]
    public Task It_conforms(string check) => Suite.RunAsync(check, output.WriteLine);

    [Fact]
    public void Packings_of_2_4_and_8_bits_and_plain_numbers_are_supported() =>
        Suite.Supported.Should().HaveCount(31).And.NotContain(name => NotYet.Contains(name) || name.Contains("fp", StringComparison.Ordinal) || name[0] == '3' || name[0] == '5' || name[0] == '6');
}
