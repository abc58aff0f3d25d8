using System.Diagnostics;
using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

/// <summary>What the process takes; alone, because other tests take memory too.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests(ITestOutputHelper output)
{
    [Fact]
    public void Loading_and_disposing_leaves_no_memory_behind()
    {
        MemoryModel model = new(new ModelShape { Hidden = 256, Layers = 4, Channels = 512, Vocabulary = 2000, Packing = new(8, 32), Seed = 61 });
        int[] tokens = model.Tokens(40, 1);
        for (int i = 0; i < 5; i++)
        {
            Cycle();
        }

        long before = ResidentBytes();
        long taken = 0;
        for (int i = 0; i < 20; i++)
        {
            taken = Cycle();
        }

        long growth = ResidentBytes() - before;
        output.WriteLine($"20 cycles of {taken / 1e6:f1} MB each: resident memory grows by {growth / 1e6:f1} MB");
        growth.Should().BeLessThan(3 * taken, "20 leaked shards would take twenty times as much");

        long Cycle()
        {
            using ShardSet shards = new(new OnnxRuntimeBackend(), model, options: new ShardOptions { ContextLength = 1024, ThreadCount = 2 });
            shards.Do(shard => shard.Allocate(0));
            shards.Do(shard => shard.Allocate(1));
            shards.Forward(tokens, new SequenceStep(0, 0, 40, StepLogits.Last));
            ShardMemory memory = shards[0].Memory;
            return memory.Weights + memory.Buffers;
        }
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
