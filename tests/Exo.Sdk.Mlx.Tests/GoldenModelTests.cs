using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;
using Exo.Sdk.Tests.Golden;
using Exo.Sdk.Tests.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>The real MLX against an independent implementation, for every model under <c>tests/golden</c>.</summary>
public sealed class GoldenModelTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Models => [.. GoldenModels.Names];

    [MlxTheory]
    [MemberData(nameof(Models))]
    public void One_rank_agrees_with_the_independent_implementation(string model) => Follow(model, 1);

    [MlxTheory]
    [MemberData(nameof(Models))]
    public void Two_ranks_over_TCP_agree_with_it_and_choose_the_same_tokens(string model) => Follow(model, 1, 1);

    [MlxTheory]
    [InlineData("llama-f32-odd-sizes", "3:1:2")]
    [InlineData("llama-f32-biases", "4:1:2:1")]
    [InlineData("llama-f32-mqa-linear-rope", "1:1:1:1")]
    [InlineData("qwen3-f32", "1:2:1")]
    [InlineData("llama-mlx-4bit-g64", "1:1:1:1")]
    [InlineData("qwen3-mlx-8bit-g32", "1:1:1")]
    public void More_ranks_and_uneven_parts_agree_with_it(string model, string division) =>
        Follow(model, [.. division.Split(':').Select(static share => double.Parse(share, System.Globalization.CultureInfo.InvariantCulture))]);

    [MlxTheory]
    [InlineData("llama-bf16", MlxPrecision.BFloat16, 0.1)]
    [InlineData("llama-f16-inv-freq", MlxPrecision.Float16, 0.03)]
    [InlineData("qwen2-mlx-4bit-g32", MlxPrecision.BFloat16, 0.1)]
    [InlineData("qwen3-mlx-8bit-g32", MlxPrecision.Float16, 0.03)]
    public void Half_the_precision_stays_within_its_own_rounding(string model, MlxPrecision precision, double tolerance)
    {
        string folder = GoldenModels.PathOf(model);
        GoldenExpectation expected = GoldenExpectation.Read(folder);
        using var weights = SafetensorsWeightSource.Open(folder);
        ModelSpec spec = ModelSpecReader.Read(folder, weights);
        using IModelShard shard = Ranks.Load(new MlxBackend(new MlxBackendOptions { Precision = precision }), spec, weights);

        double error = LogitError.Largest(Ranks.TeacherForced(shard, spec.VocabularySize, expected.Prompt, expected.Continuation), expected.Logits);

        output.WriteLine($"{model} in {precision}: largest relative error {error:E2}");
        error.Should().BeInRange(1e-6, tolerance);
    }

    private void Follow(string model, params double[] shares)
    {
        string folder = GoldenModels.PathOf(model);
        GoldenExpectation expected = GoldenExpectation.Read(folder);
        ModelSpec spec;
        using (var weights = SafetensorsWeightSource.Open(folder))
        {
            spec = ModelSpecReader.Read(folder, weights);
        }

        float[][] forced = [];
        float[][] greedy = [];
        ShardAssignment[] assignments = Ranks.Divide(spec, shares);
        Ranks.Run(spec, assignments, () => SafetensorsWeightSource.Open(folder), shard =>
        {
            // The tokens are rank 0's choice, which the other ranks are told beforehand.
            float[][] continued = Ranks.TeacherForced(shard, spec.VocabularySize, expected.Prompt, expected.Continuation);
            float[][] chosen = Ranks.TeacherForced(shard, spec.VocabularySize, expected.Prompt, expected.Greedy[..^1]);
            if (shard.Assignment.Rank == 0)
            {
                forced = continued;
                greedy = chosen;
            }
        });

        double error = LogitError.Largest(forced, expected.Logits);
        output.WriteLine($"{model} on {shares.Length} ranks: largest relative error {error:E2}");
        error.Should().BeLessThanOrEqualTo(Tolerance);
        greedy.Select(static row => row.AsSpan().IndexOf(row.Max())).Should().Equal(expected.Greedy);
    }
}
