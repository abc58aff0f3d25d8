using Exo.Sdk.Tests.Golden;
using Exo.Sdk.Tests.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

/// <summary>The golden models on the second backend: one rank against an independent implementation, and two ranks against one.</summary>
public sealed class GoldenModelTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-4;

    // About 5e-3 a product; models this narrow average least of it away.
    private const double IntegerTolerance = 1e-1;

    public static TheoryData<string> Models => [.. GoldenModels.Names];

    public static TheoryData<string> QuantizedModels =>
        [.. GoldenModels.Names.Where(static name => name.Contains("mlx", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Models))]
    public void One_rank_agrees_with_the_independent_implementation(string model)
    {
        GoldenExpectation expected = GoldenExpectation.Read(GoldenModels.PathOf(model));
        ShardRun run = Run(model, [1]);

        double error = LogitError.Largest(run.TeacherForced(expected.Prompt, expected.Continuation), expected.Logits);

        output.WriteLine($"{model}: largest relative error {error:E2} over prefill and {expected.Continuation.Length} decode steps");
        error.Should().BeLessThanOrEqualTo(Tolerance);
        run.Greedy(expected.Prompt, expected.Greedy).Should().Equal(expected.Greedy);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Two_ranks_agree_with_one(string model)
    {
        GoldenExpectation expected = GoldenExpectation.Read(GoldenModels.PathOf(model));
        float[][] alone = Run(model, [1]).TeacherForced(expected.Prompt, expected.Continuation);

        double error = LogitError.Largest(Run(model, [1, 1]).TeacherForced(expected.Prompt, expected.Continuation), alone);

        output.WriteLine($"{model}: largest relative error {error:E2} of two ranks against one");
        error.Should().BeLessThanOrEqualTo(Tolerance);
    }

    [Theory]
    [MemberData(nameof(QuantizedModels))]
    public void Integer_activations_stay_within_their_own_bound(string model)
    {
        GoldenExpectation expected = GoldenExpectation.Read(GoldenModels.PathOf(model));
        foreach (double[] shares in new double[][] { [1], [1, 1] })
        {
            ShardRun run = Run(model, shares, ActivationPrecision.Int8);

            double error = LogitError.Largest(run.TeacherForced(expected.Prompt, expected.Continuation), expected.Logits);

            output.WriteLine($"{model} on {shares.Length}: largest relative error {error:E2} with 8-bit activations");
            error.Should().BeLessThanOrEqualTo(IntegerTolerance).And.BeGreaterThan(Tolerance, "the integer path must really be taken");
        }
    }

    private static ShardRun Run(string model, double[] shares, ActivationPrecision activations = ActivationPrecision.Float32) =>
        new(GoldenModels.PathOf(model), shares, activations, new OnnxRuntimeBackend());
}
