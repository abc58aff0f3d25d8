using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

/// <summary>What company a sequence has in a step changes nothing, with integer activations either.</summary>
public sealed class SequenceTests(ITestOutputHelper output)
{
    private const double Bound = 1e-5;

    [Theory]
    [InlineData(ActivationPrecision.Float32)]
    [InlineData(ActivationPrecision.Int8)]
    public void Prefill_and_decode_mixed_equal_each_sequence_alone(ActivationPrecision activations)
    {
        MemoryModel model = new(new ModelShape { Packing = new(4, 32), HasBias = true, Seed = 41 });
        ShardOptions options = new()
        {
            ContextLength = 64,
            MaxSequences = 5,
            MaxBatchTokens = 96,
            ThreadCount = 2,
            Activations = activations,
            KeyValues = KeyValuePrecision.Float32,
        };
        using ShardSet together = new(new CpuBackend(), model, options: options);
        using ShardSet alone = new(new CpuBackend(), model, options: options with { MaxSequences = 1 });
        int[] filled = new int[5];
        for (int slot = 0; slot < 5; slot++)
        {
            together.Do(shard => shard.Allocate(slot));
        }

        // The slots' parts in the steps: new prompts come in while others decode.
        float[]?[] last = new float[5][];
        foreach (int[] counts in (int[][])[[1, 30, 0, 0, 0], [1, 1, 13, 0, 0], [1, 1, 1, 2, 7], [1, 1, 1, 1, 1], [0, 1, 0, 1, 25]])
        {
            int[] slots = [.. Enumerable.Range(0, 5).Where(slot => counts[slot] > 0)];
            float[][] rows = together.Forward(
                [.. slots.SelectMany(slot => model.Tokens(64, slot).Skip(filled[slot]).Take(counts[slot]))],
                [.. slots.Select(slot => new SequenceStep(slot, filled[slot], counts[slot], StepLogits.Last))]);
            foreach ((int slot, float[] row) in slots.Zip(rows))
            {
                filled[slot] += counts[slot];
                last[slot] = row;
            }
        }

        double error = 0;
        for (int slot = 0; slot < 5; slot++)
        {
            alone.Do(shard => shard.Allocate(0));
            float[] row = alone.Forward(model.Tokens(64, slot)[..filled[slot]], new SequenceStep(0, 0, filled[slot], StepLogits.Last))[0];
            alone.Do(shard => shard.Free(0));
            error = Math.Max(error, Accuracy.Error(last[slot], Array.ConvertAll(row, value => (double)value)));
        }

        output.WriteLine($"{activations}: in company against alone {error:e2}");
        error.Should().BeLessThan(Bound);
    }
}
