using Exo.Sdk.Planning;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

public sealed class TensorParallelTests(ITestOutputHelper output)
{
    private const double Bound = 2e-5;
    private const double IntegerBound = 5e-2;

    private static readonly ModelShape Quantized = new()
    {
        Hidden = 128,
        QueryHeads = 8,
        KeyValueHeads = 4,
        HeadSize = 16,
        Channels = 256,
        Packing = new(4, 32),
        HasBias = true,
        HasOutputBias = true,
        Seed = 31,
    };

    [Fact]
    public void Integer_activations_of_several_ranks_stay_within_their_bound()
    {
        MemoryModel model = new(Quantized);
        Follow("int8, 2 ranks", model, ShardSet.Divide(model.Spec, [3, 1], [96, 160], [90, 7]), ActivationPrecision.Int8);
        Follow("int8, 4 ranks", model, ShardSet.Divide(model.Spec, [1, 1, 1, 1], [64, 64, 64, 64], [24, 24, 24, 25]), ActivationPrecision.Int8);
    }

    [Theory]
    [InlineData(ActivationPrecision.Float32)]
    [InlineData(ActivationPrecision.Int8)]
    public void Ranks_agree_with_one_rank(ActivationPrecision activations)
    {
        MemoryModel model = new(Quantized);
        ShardOptions options = new() { ContextLength = 64, Activations = activations, KeyValues = KeyValuePrecision.Float32 };
        int[] tokens = model.Tokens(20, 2);
        double[] one = Logits([ShardSet.Whole(model.Spec)]);
        double worst = 0;
        foreach (ShardAssignment[] split in (ShardAssignment[][])[
            ShardSet.Divide(model.Spec, [2, 2], [128, 128], [50, 47]),
            ShardSet.Divide(model.Spec, [1, 2, 1], [64, 160, 32], [32, 32, 33]),
            ShardSet.Divide(model.Spec, [1, 1, 1, 1], [64, 64, 64, 64], [24, 24, 24, 25])])
        {
            worst = Math.Max(worst, Accuracy.Error(Array.ConvertAll(Logits(split), v => (float)v), one));
        }

        output.WriteLine($"{activations}: 2, 3 and 4 ranks against one, largest relative error {worst:e2}");

        // With 8-bit inputs a sum's last bits may tip a rounding, so ranks agree only within what rounding costs.
        worst.Should().BeLessThan(activations == ActivationPrecision.Int8 ? IntegerBound : Bound);

        double[] Logits(ShardAssignment[] split)
        {
            using ShardSet shards = new(new CpuBackend(), model, split, options);
            shards.Do(shard => shard.Allocate(0));
            shards.Forward(tokens[..19], new SequenceStep(0, 0, 19, StepLogits.None));
            return Array.ConvertAll(shards.Forward(tokens[19..], new SequenceStep(0, 19, 1, StepLogits.Last))[0], v => (double)v);
        }
    }

    private void Follow(string name, MemoryModel model, ShardAssignment[] split, ActivationPrecision activations)
    {
        using ShardSet shards = new(new CpuBackend(), model, split, new ShardOptions
        {
            ContextLength = 64,
            ThreadCount = 2,
            Activations = activations,
            KeyValues = KeyValuePrecision.Float32,
        });
        double error = shards.ErrorAgainst(model, prefill: 9, decode: 32);
        output.WriteLine($"{name}: largest relative error {error:e2}");
        error.Should().BeLessThan(IntegerBound);
    }
}
