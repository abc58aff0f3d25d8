using System.Diagnostics;
using Exo.Sdk.OnnxRuntime.Tests.Support;
using Exo.Sdk.Planning;
using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

public sealed class FailureTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_lost_peer_reaches_the_caller_as_it_was(int reduceThatFails)
    {
        RandomModel model = new(new ModelShape { Seed = 60 });
        ShardAssignment[] split = ShardSet.Split(model.Spec, [1, 1], [64, 64], [50, 47]);
        LosingGroup group = new() { FailsAt = reduceThatFails };
        using IModelShard shard = await new OnnxRuntimeBackend().LoadAsync(
            model.Spec, split[0], model.Weights, group, new ShardOptions { ContextLength = 32 });
        shard.Allocate(0);
        Action step = () => shard.Forward(new StepBatch([1, 2], [new SequenceStep(0, 0, 2, false)]), default);
        PeerLostException error = step.Should().Throw<PeerLostException>().Which;
        error.Should().BeSameAs(group.Error);
        group.Count.Should().Be(reduceThatFails + 1, "nothing is summed after the loss");

        // The step counts for nothing: the sequence is where it was.
        shard.Invoking(s => s.Truncate(0, 1)).Should().Throw<ArgumentOutOfRangeException>();
        step.Should().Throw<PeerLostException>();
    }

    [Fact]
    public void Loading_and_disposing_leaves_no_memory_behind()
    {
        RandomModel model = new(new ModelShape { Hidden = 256, Layers = 4, Channels = 512, Vocabulary = 2000, Packing = new(8, 32), Seed = 61 });
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
            using ShardSet shards = new(model, options: new ShardOptions { ContextLength = 1024, ThreadCount = 2 });
            shards.Do(shard => shard.Allocate(0));
            shards.Do(shard => shard.Allocate(1));
            shards.Forward(tokens, new SequenceStep(0, 0, 40, true));
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

    private sealed class LosingGroup : ICollective
    {
        public PeerLostException Error { get; } = new(1, "connection reset");

        public int FailsAt { get; init; }

        public int Count { get; private set; }

        public int Rank => 0;

        public int Size => 2;

        public ulong Epoch => 1;

        public void AllReduceSum(Span<float> values)
        {
            if (Count++ >= FailsAt)
            {
                throw Error;
            }
        }

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw Error;

        public void Broadcast(Span<byte> message, int root) => throw Error;

        public void Send(ReadOnlySpan<byte> message, int peer) => throw Error;

        public void Receive(Span<byte> message, int peer) => throw Error;

        public void Barrier() => throw Error;

        public void WaitForMessage(int peer) => throw Error;

        public void Abort(int lostRank, string reason)
        {
        }

        public void Dispose()
        {
        }
    }
}
