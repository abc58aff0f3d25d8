using Exo.Sdk.Cpu.Tests.Support;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Tests;

public sealed class FailureTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_lost_peer_reaches_the_caller_as_it_was(int reduceThatFails)
    {
        MemoryModel model = new(new ModelShape { Seed = 60 });
        ShardAssignment[] split = ShardSet.Split(model.Spec, [1, 1], [64, 64], [50, 47]);
        LosingGroup group = new() { FailsAt = reduceThatFails };
        using IModelShard shard = await new CpuBackend().LoadAsync(
            model.Spec, split[0], model.Weights, group, new ShardOptions { ContextLength = 32 });
        shard.Allocate(0);
        Action step = () => shard.Forward(new StepBatch([1, 2], [new SequenceStep(0, 0, 2, StepLogits.None)]), default);
        PeerLostException error = step.Should().Throw<PeerLostException>().Which;
        error.Should().BeSameAs(group.Error);
        group.Count.Should().Be(reduceThatFails + 1, "nothing is summed after the loss");

        // The step counts for nothing: the sequence is where it was.
        shard.Invoking(s => s.Truncate(0, 1)).Should().Throw<ArgumentOutOfRangeException>();
        step.Should().Throw<PeerLostException>();
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
