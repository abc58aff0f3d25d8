using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>Every width and group size that MLX packs affine weights in, and its floating-point modes, against the formulas in double precision.</summary>
public sealed class QuantisationTests(ITestOutputHelper output)
{
    private const double Bound = 1e-4;

    public static TheoryData<int, int> Packings()
    {
        TheoryData<int, int> packings = [];
        foreach (int bits in (int[])[2, 3, 4, 5, 6, 8])
        {
            foreach (int group in (int[])[32, 64, 128])
            {
                packings.Add(bits, group);
            }
        }

        return packings;
    }

    [MlxTheory]
    [MemberData(nameof(Packings))]
    public void One_rank_agrees_with_the_formulas(int bits, int group) => Follow(bits, group, [1]);

    [MlxTheory]
    [InlineData(3, 32)]
    [InlineData(5, 64)]
    [InlineData(6, 32)]
    [InlineData(2, 128)]
    public void Two_ranks_agree_with_the_formulas(int bits, int group) => Follow(bits, group, [1, 1]);

    [MlxTheory]
    [InlineData("mxfp4", false)]
    [InlineData("mxfp4", true)]
    [InlineData("nvfp4", false)]
    [InlineData("nvfp4", true)]
    [InlineData("mxfp8", false)]
    [InlineData("mxfp8", true)]
    public void Floating_point_modes_agree_with_the_formulas_on_one_rank(string format, bool isTied) => Follow(Named(format), isTied, [1]);

    [MlxTheory]
    [InlineData("mxfp4")]
    [InlineData("nvfp4")]
    [InlineData("mxfp8")]
    public void Floating_point_modes_agree_with_the_formulas_on_two_ranks(string format) => Follow(Named(format), isTied: false, [1, 1]);

    [StandinTheory]
    [InlineData("mxfp4")]
    [InlineData("nvfp4")]
    [InlineData("mxfp8")]
    public void Floating_point_modes_reach_the_library_with_scale_bytes_and_without_biases(string format)
    {
        Standin standin = new();

        Follow(Named(format), isTied: true, [1], standin.Backend);

        standin.ShouldBeInOrder();
        standin.Live.Should().Be(0, "every handle is freed");
    }

    [StandinFact]
    public void Scales_of_another_type_or_shape_are_refused_before_they_reach_the_library()
    {
        MlxBackend backend = new Standin().Backend;
        FloatPackedModel model = new(new ModelShape(), QuantizationFormat.Mxfp4);
        model.Weights.Add("0.up.scales", ElementType.Float32, new byte[128 * 2 * 4], 128, 2);

        FluentActions.Invoking(() => Ranks.Load(backend, model.Spec, model.Weights)).Should().Throw<ModelFormatException>()
            .WithMessage("*0.up.scales*UInt8 [128, 2]*Float32 [128, 2]*");

        model.Weights.Add("0.up.scales", ElementType.UInt8, new byte[128 * 4], 128, 4);

        FluentActions.Invoking(() => Ranks.Load(backend, model.Spec, model.Weights)).Should().Throw<ModelFormatException>()
            .WithMessage("*0.up.scales*UInt8 [128, 2]*UInt8 [128, 4]*");
    }

    private void Follow(QuantizationFormat format, bool isTied, double[] shares, MlxBackend? backend = null)
    {
        FloatPackedModel model = new(new ModelShape { HasBias = true, HasOutputBias = true, IsTied = isTied, Seed = 90 + format.Name.Length + format.Bits[0] }, format);
        Follow(format.Name, model.Spec, model.Weights, model.Plain, shares, backend);
    }

    private static QuantizationFormat Named(string name) => QuantizationFormat.Known.Single(format => format.Name == name);

    private void Follow(int bits, int group, double[] shares)
    {
        MemoryModel model = new(new ModelShape
        {
            Hidden = 128,
            QueryHeads = 4,
            KeyValueHeads = 2,
            HeadSize = 64,
            Channels = 256,
            Packing = new QuantizationSpec(bits, group),
            HasBias = true,
            HasOutputBias = true,
            IsTied = bits % 2 == 0,
            Seed = (bits * 1000) + group,
        });
        Follow($"{bits} bits by {group}", model.Spec, model.Weights, model, shares);
    }

    // The reference is a model of the same numbers, packed or not.
    private void Follow(string name, ModelSpec spec, MemoryWeightSource weights, MemoryModel reference, double[] shares, MlxBackend? backend = null)
    {
        const int Prefill = 9;
        const int Count = Prefill + 8;
        int[] tokens = reference.Tokens(Count, 1);
        double[][] expected = new ReferenceModel(reference).Logits(tokens);
        float[][] rows = [];
        Ranks.Run(spec, Ranks.Divide(spec, shares), () => weights, shard =>
        {
            float[][] answer = Ranks.TeacherForced(shard, spec.VocabularySize, tokens[..Prefill], tokens[Prefill..]);
            rows = shard.Assignment.Rank == 0 ? answer : rows;
        }, backend);

        double error = rows.Select((row, i) => Accuracy.Error(row, expected[Prefill - 1 + i])).Max();
        output.WriteLine($"{name} on {shares.Length} ranks: largest relative error {error:E2}");
        error.Should().BeLessThan(Bound);
    }
}
