using Exo.Sdk.Mlx.Tests.Support;
using Xunit.Abstractions;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>The backend keeps what the seam promises: on the real MLX where there is one, and on the stand-in for it.</summary>
public sealed class ConformanceTests(ITestOutputHelper output)
{
    private static readonly string[] NotYet = ["soft caps of scores", "sinks", "normed results", "norms with weights from one", "layer norms", "gelu", "gelu by tanh"];

    private static readonly BackendConformanceOptions Options = new();

    public static TheoryData<string> Checks() => [.. new BackendConformance(new MlxBackend(), Options).Checks.Select(check => check.Name)];

    [MlxTheory]
    [MemberData(nameof(Checks))]
    public Task It_conforms(string check) => new BackendConformance(new MlxBackend(), Options).RunAsync(check, output.WriteLine);

    [StandinTheory]
    [MemberData(nameof(Checks))]
    public async Task It_conforms_on_the_stand_in_and_frees_every_handle(string check)
    {
        Standin standin = new();
        await new BackendConformance(standin.Backend, Options).RunAsync(check, output.WriteLine);
        standin.ShouldBeInOrder();
        standin.Live.Should().Be(0);
    }

    [StandinFact]
    public void Every_kind_of_model_that_a_family_here_has_is_supported() =>
        new BackendConformance(new Standin().Backend, Options).Supported.Should().HaveCount(46).And.NotContain(name => NotYet.Contains(name));
}
