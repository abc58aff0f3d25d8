using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Tests;

public sealed class MlxMemoryPlanTests
{
    private static readonly ShardOptions Options = new() { ContextLength = 1000, MaxSequences = 2, MaxBatchTokens = 4 };

    [Fact]
    public void Weights_caches_and_buffers_are_wired_and_no_more()
    {
        ModelSpec spec = new MemoryModel(new ModelShape { Packing = new QuantizationSpec(4, 32) }).Spec;
        long perLayer = (64 * 64) + (64 * 32) + (64 * 32) + (64 * 64) + (3 * 64 * 128);
        long parameters = (2 * perLayer) + (2 * 97 * 64);
        long cache = 2L * 2 * 2 * 16 * 1000 * 2 * 4;
        long expected = (parameters / 2) + (2 * parameters / 32 * 4) + cache + (64L << 20);

        MlxMemoryLimits limits = MlxMemoryPlan.Of(spec, Ranks.Whole(spec), Options, MlxPrecision.Float32, Device(48L << 30));

        limits.Should().Be(new MlxMemoryLimits(48L << 30, 64L << 20, expected));
    }

    [Theory]
    [InlineData(4, 32, "mxfp4")]
    [InlineData(4, 16, "nvfp4")]
    [InlineData(8, 32, "mxfp8")]
    public void A_group_without_bias_takes_one_byte_in_every_precision(int bits, int group, string name)
    {
        ModelSpec spec = new MemoryModel(new ModelShape()).Spec;
        ModelSpec packed = spec with { Head = spec.Head with { Quantization = new QuantizationSpec(bits, group, QuantizationFormat.Known.Single(format => format.Name == name)) } };
        foreach ((MlxPrecision precision, int size) in ((MlxPrecision, int)[])[(MlxPrecision.Float32, 4), (MlxPrecision.BFloat16, 2)])
        {
            long saved = MlxMemoryPlan.Of(spec, Ranks.Whole(spec), Options, precision, Device(48L << 30)).Wired!.Value
                - MlxMemoryPlan.Of(packed, Ranks.Whole(spec), Options, precision, Device(48L << 30)).Wired!.Value;

            saved.Should().Be((97 * 64 * size) - (97 * 64 * bits / 8) - (97 * 64 / group));
        }
    }

    [Fact]
    public void Half_the_precision_takes_half_the_numbers()
    {
        ModelSpec spec = new MemoryModel(new ModelShape()).Spec;

        long full = MlxMemoryPlan.Of(spec, Ranks.Whole(spec), Options, MlxPrecision.Float32, Device(48L << 30)).Wired!.Value - (64L << 20);
        long half = MlxMemoryPlan.Of(spec, Ranks.Whole(spec), Options, MlxPrecision.BFloat16, Device(48L << 30)).Wired!.Value - (64L << 20);

        half.Should().Be(full / 2);
    }

    [Fact]
    public void What_does_not_fit_is_wired_as_far_as_Metal_recommends()
    {
        ModelSpec spec = new MemoryModel(new ModelShape()).Spec;

        MlxMemoryLimits limits = MlxMemoryPlan.Of(spec, Ranks.Whole(spec), Options, MlxPrecision.Float32, Device(10_000));

        limits.Wired.Should().Be(10_000);
        limits.Memory.Should().BeGreaterThan(10_000);
    }

    private static MlxDeviceInfo Device(long recommended) => new("Apple", "applegpu", recommended * 2, recommended, recommended);
}
