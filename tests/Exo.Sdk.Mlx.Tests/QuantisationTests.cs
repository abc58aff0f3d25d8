using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Tests.Support;
using Xunit.Abstractions;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>Every width and group size that MLX packs affine weights in, against the formulas in double precision.</summary>
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

    private void Follow(int bits, int group, double[] shares)
    {
        const int Prefill = 9;
        const int Count = Prefill + 8;
        RandomModel model = new(new ModelShape
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
        int[] tokens = model.Tokens(Count, 1);
        double[][] expected = new ReferenceModel(model).Logits(tokens);
        float[][] rows = [];
        Ranks.Run(model.Spec, Ranks.Divide(model.Spec, shares), () => model.Weights, shard =>
        {
            float[][] answer = Ranks.TeacherForced(shard, model.Spec.VocabularySize, tokens[..Prefill], tokens[Prefill..]);
            rows = shard.Assignment.Rank == 0 ? answer : rows;
        });

        double error = rows.Select((row, i) => Accuracy.Error(row, expected[Prefill - 1 + i])).Max();
        output.WriteLine($"{bits} bits by {group} on {shares.Length} ranks: largest relative error {error:E2}");
        error.Should().BeLessThan(Bound);
    }
}
