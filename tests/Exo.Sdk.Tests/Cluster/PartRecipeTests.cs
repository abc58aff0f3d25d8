using Exo.Sdk.Control;
using Exo.Sdk.Cpu;
using Exo.Sdk.Models;
using Exo.Sdk.Models.Families;
using Exo.Sdk.Transport;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>How a child process makes what its parent has.</summary>
public sealed class PartRecipeTests
{
    [Fact]
    public void A_part_comes_out_with_its_options() =>
        PartRecipe.Of(new TcpTransport { Spin = TimeSpan.FromMilliseconds(3) }).Make<ITransport>()
            .Should().BeOfType<TcpTransport>().Which.Spin.Should().Be(TimeSpan.FromMilliseconds(3));

    [Fact]
    public void A_part_without_options_needs_a_name_alone() => PartRecipe.Of(new CpuBackend()).Make<IComputeBackend>().Should().BeOfType<CpuBackend>();

    [Fact]
    public void A_family_has_no_options() => PartRecipe.Of(new Plain()).Make<IModelFamily>().Should().BeOfType<Plain>();

    [Fact]
    public void A_family_that_cannot_be_constructed_is_refused() => PartRecipe.Refusal(new Named("x")).Should().Contain("constructor without parameters");

    [Fact]
    public void Options_for_a_part_without_any_are_refused() =>
        (PartRecipe.Of(new CpuBackend()) with { Options = "fast" }).Invoking(r => r.Make<IComputeBackend>()).Should().Throw<ConfigurationException>();

    [Fact]
    public void Nothing_is_constructed_that_is_not_of_the_kind()
    {
        foreach (Type type in new[] { typeof(Trap), typeof(TcpTransport), typeof(object), typeof(IComputeBackend), typeof(SettledCarrierTransport) })
        {
            new PartRecipe(type.AssemblyQualifiedName!, "").Invoking(r => r.Make<IComputeBackend>()).Should().Throw<UnavailableException>();
        }

        Trap.WasSprung.Should().BeFalse();
    }

    [Theory]
    [InlineData("Exo.Sdk.NoSuch, Exo.Sdk")]
    [InlineData("")]
    [InlineData("[[[[")]
    [InlineData("Exo.Sdk.Cpu.CpuBackend, \0")]
    [InlineData("Exo.Sdk.Cpu.CpuBackend, Exo.Sdk.Cpu, Version=x")]
    public void A_name_that_is_none_is_refused(string name) =>
        new PartRecipe(name, "").Invoking(r => r.Make<IComputeBackend>()).Should().Throw<UnavailableException>();

    private sealed class Plain : IModelFamily
    {
        public string Name => "plain";

        public string Architecture => "Plain";

        public ModelSpec Read(ConfigObject config, WeightCatalog weights) => new Decoder().Read(config, weights);
    }

    private sealed class Named(string name) : IModelFamily
    {
        public string Name => name;

        public string Architecture => name;

        public ModelSpec Read(ConfigObject config, WeightCatalog weights) => new Decoder().Read(config, weights);
    }

    private sealed class Trap
    {
        public Trap() => WasSprung = true;

        public static bool WasSprung { get; private set; }
    }
}
