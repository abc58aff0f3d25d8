using Exo.Sdk.Planning;
using Exo.Sdk.Tests.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Golden;

/// <summary>One rank against an independent implementation, and several ranks against one, for every model under <c>tests/golden</c>.</summary>
public sealed class GoldenModelTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-4;

    /// <summary>Divisions that quantization groups or heads forbid, so that a planner that refuses more is noticed.</summary>
    private static readonly Dictionary<string, int> MostRanks = new()
    {
        ["llama-bf16-rope-parameters"] = 2, // two query heads
        ["llama-mlx-8bit-g64"] = 2, // two heads of 32 fill a group of 64
        ["llama-mlx-mixed"] = 2, // as above
        ["mistral-mlx-4bit-g128"] = 2, // two heads of 64 fill a group of 128; 256 channels
        ["qwen2-mlx-4bit-g32"] = 2, // two heads of 16 fill a group of 32
        ["qwen3-mlx-8bit-g32"] = 3, // 96 channels in groups of 32
    };

    public static TheoryData<string> Models => [.. GoldenModels.Names];

    public static TheoryData<string> QuantizedModels => [.. GoldenModels.Names.Where(static name => name.Contains("mlx", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Models))]
    public void One_rank_agrees_with_the_independent_implementation(string model)
    {
        string folder = GoldenModels.PathOf(model);
        GoldenExpectation expected = GoldenExpectation.Read(folder);
        ShardRun run = new(folder, [1]);

        double error = LogitError.Largest(run.TeacherForced(expected.Prompt, expected.Continuation), expected.Logits);

        output.WriteLine($"{model}: largest relative error {error:E2} over prefill and {expected.Continuation.Length} decode steps");
        error.Should().BeLessThanOrEqualTo(Tolerance);
        run.Greedy(expected.Prompt, expected.Greedy).Should().Equal(expected.Greedy);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Several_ranks_agree_with_one(string model)
    {
        string folder = GoldenModels.PathOf(model);
        GoldenExpectation expected = GoldenExpectation.Read(folder);
        float[][] alone = new ShardRun(folder, [1]).TeacherForced(expected.Prompt, expected.Continuation);
        int mostRanks = MostRanks.GetValueOrDefault(model, 4);
        foreach (string division in Division.Tried)
        {
            double[] shares = Division.Shares(division);
            if (shares.Length > mostRanks)
            {
                FluentActions.Invoking(() => new ShardRun(folder, shares))
                    .Should().Throw<PlanRefusedException>().Which.Reasons.Should().Contain($"the largest number of ranks possible is {mostRanks}");
                output.WriteLine($"{model} {division}: refused, at most {mostRanks} ranks");
                continue;
            }

            ShardRun run = new(folder, shares);
            double error = LogitError.Largest(run.TeacherForced(expected.Prompt, expected.Continuation), alone);

            output.WriteLine($"{model} {division}: largest relative error {error:E2} against one rank");
            error.Should().BeLessThanOrEqualTo(Tolerance, division);
            RequireOnlyOwnSlicesRead(run);
        }
    }

    [Theory]
    [MemberData(nameof(QuantizedModels))]
    public void Integer_activations_stay_within_their_own_bound(string model)
    {
        // About 5e-3 a product; models this narrow average least of it away. The largest seen is 7.8e-2.
        const double bound = 1e-1;
        string folder = GoldenModels.PathOf(model);
        GoldenExpectation expected = GoldenExpectation.Read(folder);
        foreach (double[] shares in new double[][] { [1], [1, 1] })
        {
            ShardRun run = new(folder, shares, ActivationPrecision.Int8);
            double error = LogitError.Largest(run.TeacherForced(expected.Prompt, expected.Continuation), expected.Logits);

            output.WriteLine($"{model} on {shares.Length}: largest relative error {error:E2} with 8-bit activations");
            error.Should().BeLessThanOrEqualTo(bound);
        }
    }

    private static void RequireOnlyOwnSlicesRead(ShardRun run)
    {
        foreach (RankPlan rank in run.Plan.Ranks)
        {
            run.BytesRead[rank.Assignment.Rank].Should().BeInRange((long)(0.9 * rank.WeightBytes), rank.WeightBytes);
        }
    }
}
