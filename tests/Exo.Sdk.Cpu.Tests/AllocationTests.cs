using Exo.Sdk.Cpu.Tests.Support;
using Exo.Sdk.Planning;
using Xunit.Abstractions;

namespace Exo.Sdk.Cpu.Tests;

/// <summary>A decode step allocates nothing on the managed heap once it has run a few times.</summary>
public sealed class AllocationTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1, 1, ActivationPrecision.Float32)]
    [InlineData(1, 2, ActivationPrecision.Int8)]
    [InlineData(2, 1, ActivationPrecision.Int8)]
    [InlineData(2, 2, ActivationPrecision.Float32)]
    public void Decoding_allocates_nothing(int ranks, int threads, ActivationPrecision activations)
    {
        const int Warm = 8;
        const int Measured = 40;
        MemoryModel model = new(new ModelShape { Packing = new(4, 32), HasBias = true, HasQueryKeyNorm = true, Seed = 70 });
        ShardAssignment[] split = ranks == 1
            ? [ShardSet.Split(model.Spec)]
            : ShardSet.Split(model.Spec, [1, 1], [64, 64], [50, 47]);
        using ShardSet shards = new(model, split, new ShardOptions { ContextLength = 64, ThreadCount = threads, Activations = activations });
        shards.Do(shard => shard.Allocate(0));
        shards.Do(shard => shard.Allocate(1));
        long[] allocated = new long[ranks];
        ThreadGroup.Run(ranks, rank =>
        {
            int[] tokens = [3, 5];
            SequenceStep[] steps = new SequenceStep[2];
            float[] logits = new float[2 * model.Spec.VocabularySize];
            for (int position = 0; position < Warm + Measured; position++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                steps[0] = new SequenceStep(0, position, 1, StepLogits.Last);
                steps[1] = new SequenceStep(1, position, 1, StepLogits.Last);
                shards[rank].Forward(new StepBatch(tokens, steps), logits);
                allocated[rank] += position < Warm ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
            }
        });
        output.WriteLine($"{Measured} steps, {ranks} ranks of {threads} threads: {string.Join(" and ", allocated)} bytes");
        allocated.Should().OnlyContain(bytes => bytes == 0);
    }
}
