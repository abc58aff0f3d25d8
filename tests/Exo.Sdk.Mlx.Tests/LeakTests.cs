using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Tests.Support;
using Xunit.Abstractions;

namespace Exo.Sdk.Mlx.Tests;

/// <summary>Counts what a long life leaves behind. Alone in its collection, because the counts are those of the process.</summary>
[Collection(AloneCollection.Name)]
public sealed class LeakTests(ITestOutputHelper output)
{
    [MlxFact]
    public void Ten_thousand_steps_leave_no_array_behind()
    {
        const int Steps = 10_000;
        long before = ArrayScope.LiveCount;
        MemoryModel model = new(new ModelShape { Packing = new(4, 32), Seed = 12 });
        using (IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights))
        {
            long loaded = ArrayScope.LiveCount;
            loaded.Should().BeGreaterThan(before);
            float[] logits = new float[model.Spec.VocabularySize];
            Run(shard, 600, logits);
            long warm = ArrayScope.LiveCount;
            nuint memory = ActiveMemory();
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Run(shard, Steps, logits);
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            output.WriteLine($"{warm} arrays, {memory} bytes in use by MLX before, {ArrayScope.LiveCount} and {ActiveMemory()} after {Steps} steps; "
                + $"{allocated} managed bytes on the caller's thread");
            warm.Should().Be(loaded);
            ArrayScope.LiveCount.Should().Be(loaded);
            ActiveMemory().Should().BeLessThanOrEqualTo(memory + 4096);
        }

        ArrayScope.LiveCount.Should().Be(before);

        static void Run(IModelShard shard, int steps, float[] logits)
        {
            int position = 0;
            shard.Allocate(0);
            for (int step = 0; step < steps; step++, position++)
            {
                if (position == 64)
                {
                    shard.Truncate(0, 8);
                    position = 8;
                }

                shard.Forward(new StepBatch([step % 97], [new SequenceStep(0, position, 1, step % 3 != 0 ? StepLogits.Last : StepLogits.None)]), logits);
            }

            shard.Free(0);
        }
    }

    [MlxFact]
    public void A_hundred_shards_leave_nothing_behind()
    {
        MemoryModel model = new(new ModelShape { Seed = 13 });
        Use(model);
        long arrays = ArrayScope.LiveCount;
        nuint memory = ActiveMemory();
        int threads = System.Diagnostics.Process.GetCurrentProcess().Threads.Count;
        for (int i = 0; i < 100; i++)
        {
            Use(model);
        }

        ArrayScope.LiveCount.Should().Be(arrays);
        ActiveMemory().Should().BeLessThanOrEqualTo(memory + 4096);
        System.Diagnostics.Process.GetCurrentProcess().Threads.Count.Should().BeLessThan(threads + 20, "threads are used again");

        static void Use(MemoryModel model)
        {
            using IModelShard shard = Ranks.Load(new MlxBackend(), model.Spec, model.Weights);
            shard.Allocate(0);
            shard.Forward(new StepBatch([1, 2], [new SequenceStep(0, 0, 2, StepLogits.Last)]), new float[97]);
        }
    }

    private static unsafe nuint ActiveMemory()
    {
        nuint bytes;
        MlxLibrary.Load(null).GetActiveMemory(&bytes).Should().Be(0);
        return bytes;
    }
}

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
