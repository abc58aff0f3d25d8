using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>What the backend says of itself, and the limits it sets.</summary>
public sealed class MlxBackendTests
{
    [Fact]
    public void A_missing_library_is_reported_with_the_path_and_what_to_do()
    {
        string path = Path.Combine(Path.GetTempPath(), "no-such-folder", "libmlxc.so");
        MlxBackend backend = new(new MlxBackendOptions { LibraryPath = path });

        Availability answer = backend.Probe();

        answer.IsAvailable.Should().BeFalse();
        answer.Reason.Should().Contain(path + ": no such file").And.Contain("EXO_MLX_LIBRARY");
        backend.Device.Should().BeNull();
        backend.DistributedBackends.Should().BeEmpty();
        MemoryModel model = new(new ModelShape());
        FluentActions.Invoking(() => Ranks.Load(backend, model.Spec, model.Weights)).Should().Throw<UnavailableException>().WithMessage("*no such file*");
        backend.Invoking(b => b.SetMemoryLimits(default)).Should().Throw<UnavailableException>();
    }

    [Fact]
    public void A_file_that_is_no_library_is_reported_as_that()
    {
        string folder = Directory.CreateTempSubdirectory("exo-mlx-").FullName;
        string path = Path.Combine(folder, "libmlxc.so");
        File.WriteAllText(path, "not a library");

        Availability answer = new MlxBackend(new MlxBackendOptions { LibraryPath = path }).Probe();
        Directory.Delete(folder, recursive: true);

        answer.IsAvailable.Should().BeFalse();
        answer.Reason.Should().Contain(path).And.NotContain("no such file");
    }

    [StandinFact]
    public void A_library_that_is_too_old_is_reported_as_that()
    {
        Availability answer = new Standin(StandinForm.TooOld).Backend.Probe();

        answer.IsAvailable.Should().BeFalse();
        answer.Reason.Should().Contain("mlx_hanning").And.Contain("mlx-c 0.6.0 or later");
    }

    [StandinFact]
    public void The_folder_of_the_library_may_be_named_in_place_of_the_file()
    {
        Standin standin = new();
        string folder = Path.GetDirectoryName(standin.Path)!;

        Availability answer = new MlxBackend(new MlxBackendOptions { LibraryPath = folder }).Probe();

        answer.IsAvailable.Should().Be(OperatingSystem.IsLinux());
    }

    [StandinFact]
    public void A_usable_library_is_reported_with_version_device_and_groups()
    {
        Standin standin = new();
        standin.Backend.Probe().Should().Be(Availability.Yes($"MLX 0.31.2 on the CPU, from {standin.Path}; groups of its own: ring"));
        standin.Backend.Device.Should().BeNull();
        standin.Backend.DistributedBackends.Should().Equal("ring");

        standin.SetMetal(true);
        MlxBackend metal = new(new MlxBackendOptions { LibraryPath = standin.Path });

        metal.Probe().Reason.Should().Contain("on Apple M0 Stand-in (Metal)");
        metal.Device.Should().Be(new MlxDeviceInfo("Apple M0 Stand-in", "unknown", 64L << 30, 48L << 30, 36L << 30));
        standin.Live.Should().Be(0);
    }

    [StandinFact]
    public void Metal_that_is_asked_for_and_missing_is_reported()
    {
        Standin standin = new();

        Availability answer = new MlxBackend(new MlxBackendOptions { LibraryPath = standin.Path, Device = MlxComputeDevice.Metal }).Probe();

        answer.IsAvailable.Should().BeFalse();
        answer.Reason.Should().Contain("without Metal").And.Contain("MlxComputeDevice.Cpu");
    }

    [StandinFact]
    public void A_library_that_does_not_answer_is_reported()
    {
        Standin standin = new();
        standin.Fail("mlx_version");

        Availability answer = standin.Backend.Probe();

        answer.IsAvailable.Should().BeFalse();
        answer.Reason.Should().Contain("[mlx_version] the stand-in was told to fail");
        standin.Live.Should().Be(0);
    }

    [StandinFact]
    public void Limits_reach_the_library_and_a_refused_one_is_an_error()
    {
        Standin standin = new();

        standin.Backend.SetMemoryLimits(new MlxMemoryLimits(30L << 30, null, 20L << 30));

        standin.Limit(0).Should().Be(30L << 30);
        standin.Limit(1).Should().Be(0, "null leaves a limit as it is");
        standin.Limit(2).Should().Be(20L << 30);
        standin.Backend.Invoking(b => b.SetMemoryLimits(new MlxMemoryLimits(null, null, 49L << 30))).Should().Throw<UnavailableException>()
            .WithMessage("*wired limit*recommended working set*");
    }

    [StandinFact]
    public void On_Metal_the_limits_come_from_the_plan()
    {
        Standin standin = new();
        standin.SetMetal(true);
        MemoryModel model = new(new ModelShape { Seed = 31 });
        using (Ranks.Load(new MlxBackend(new MlxBackendOptions { LibraryPath = standin.Path }), model.Spec, model.Weights))
        {
            standin.Limit(0).Should().Be(48L << 30, "a small model leaves the recommended working set to others");
            standin.Limit(2).Should().BeInRange(1, 1L << 30);
        }

        standin.ShouldBeInOrder();
    }

    [StandinFact]
    public void Another_scaling_or_packing_is_refused_with_its_name()
    {
        MlxBackend backend = new Standin().Backend;
        ModelSpec spec = new MemoryModel(new ModelShape { Packing = new QuantizationSpec(4, 32) }).Spec;

        backend.Supports(spec).IsAvailable.Should().BeTrue();
        backend.Supports(new MemoryModel(new ModelShape { Scaling = new OtherScaling() }).Spec).Reason.Should().Contain("OtherScaling");
        LinearSpec seven = spec.Head with { Quantization = new QuantizationSpec(7, 32) };
        backend.Supports(spec with { Head = seven }).Reason.Should().Contain("7 bits");
        LinearSpec sixteen = spec.Head with { Quantization = new QuantizationSpec(4, 16) };
        backend.Supports(spec with { Head = sixteen }).Reason.Should().Contain("groups of 16");
        foreach (QuantizationFormat format in (QuantizationFormat[])[QuantizationFormat.Mxfp4, QuantizationFormat.Nvfp4, QuantizationFormat.Mxfp8])
        {
            QuantizationSpec packing = FloatPackedModel.PackingOf(format);
            backend.Supports(spec with { Head = spec.Head with { Quantization = packing } }).IsAvailable.Should().BeTrue();
            LinearSpec wide = spec.Head with { Quantization = packing with { GroupSize = 64 } };
            backend.Supports(spec with { Head = wide }).Reason.Should().Contain($"{format} with {packing.Bits} bits in groups of 64");
        }
    }

    [Theory]
    [InlineData(MlxPrecision.Float32, KeyValuePrecision.Float32)]
    [InlineData(MlxPrecision.BFloat16, KeyValuePrecision.BFloat16)]
    [InlineData(MlxPrecision.Float16, KeyValuePrecision.Float16)]
    public void Keys_and_values_are_held_in_the_type_that_is_computed_in(MlxPrecision precision, KeyValuePrecision expected) =>
        new MlxBackend(new MlxBackendOptions { Precision = precision }).KeyValuesFor(KeyValuePrecision.Int8).Should().Be(expected);

    [Fact]
    public void Options_that_cannot_work_are_refused()
    {
        FluentActions.Invoking(() => new MlxBackend(new MlxBackendOptions { StepTimeout = TimeSpan.Zero })).Should().Throw<ConfigurationException>();
        FluentActions.Invoking(() => new MlxBackend(new MlxBackendOptions { RdmaDevices = [] })).Should().Throw<ConfigurationException>()
            .WithMessage("*RdmaDevices*");
    }

    private sealed record OtherScaling : RopeScaling;
}
