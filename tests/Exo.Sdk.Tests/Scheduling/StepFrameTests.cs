using Exo.Sdk.Scheduling;


namespace Exo.Sdk.Tests.Scheduling;

public sealed class StepFrameTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1000)]
    public void What_is_sent_is_received(int tokens)
    {
        StepFrame sent = new(3, 1024);
        int[] prompt = [.. Enumerable.Range(7, tokens)];
        sent.Add(new CacheOperation(CacheOperationKind.Free, 2));
        sent.Add(new CacheOperation(CacheOperationKind.Allocate, 2));
        sent.Add(0, 41, [99], wantsLogits: true);
        sent.Add(2, 0, prompt, wantsLogits: false);
        Wire wire = new();
        sent.Send(wire);

        StepFrame received = new(3, 1024);
        received.Receive(wire.Reader());
        received.IsStop.Should().BeFalse();
        received.Operations.ToArray().Should().Equal(sent.Operations.ToArray());
        received.Batch.Tokens.ToArray().Should().Equal([99, .. prompt]);
        received.Batch.Sequences.ToArray().Should().Equal(new SequenceStep(0, 41, 1, true), new SequenceStep(2, 0, tokens, false));
        received.Batch.LogitRowCount.Should().Be(1);
        wire.Messages.Should().HaveCount(tokens <= 100 ? 1 : 2, "an ordinary decode step is one message");
    }

    [Fact]
    public void Stop_is_received()
    {
        StepFrame sent = new(1, 8);
        sent.MakeStop();
        Wire wire = new();
        sent.Send(wire);
        StepFrame received = new(1, 8);
        received.Receive(wire.Reader());
        received.IsStop.Should().BeTrue();
    }

    [Fact]
    public void Frames_that_claim_more_than_was_agreed_are_refused()
    {
        StepFrame sent = new(4, 64);
        sent.Add(0, 0, new int[64], wantsLogits: true);
        Wire wire = new();
        sent.Send(wire);
        Action receive = () => new StepFrame(4, 63).Receive(wire.Reader());
        receive.Should().Throw<ProtocolException>().WithMessage("*64 tokens*63*");
    }

    [Fact]
    public void Damaged_frames_are_refused_or_stay_within_bounds()
    {
        StepFrame sent = new(2, 32);
        sent.Add(1, 5, [1, 2, 3], wantsLogits: true);
        Wire wire = new();
        sent.Send(wire);
        byte[] good = wire.Messages[0];
        for (int at = 0; at < 60; at++)
        {
            foreach (byte value in (byte[])[0x00, 0x7F, 0x80, 0xFF])
            {
                byte[] bad = [.. good];
                bad[at] = value;
                try
                {
                    StepFrame received = new(2, 32);
                    received.Receive(new Wire { Messages = { bad } }.Reader());
                    received.Batch.Tokens.Length.Should().BeLessThanOrEqualTo(32);
                }
                catch (ProtocolException)
                {
                }
            }
        }
    }

    /// <summary>Records broadcasts and plays them back; everything else is not used here.</summary>
    private sealed class Wire : ICollective
    {
        private int _next;

        public List<byte[]> Messages { get; init; } = [];

        public int Rank { get; private init; }

        public int Size => 2;

        public ulong Epoch => 1;

        public Wire Reader() => new() { Messages = Messages, Rank = 1 };

        public void Broadcast(Span<byte> message, int root)
        {
            if (Rank == root)
            {
                Messages.Add(message.ToArray());
            }
            else
            {
                Messages[_next++].CopyTo(message);
            }
        }

        public void WaitForMessage(int peer)
        {
        }

        public void AllReduceSum(Span<float> values) => throw new NotSupportedException();

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw new NotSupportedException();

        public void Send(ReadOnlySpan<byte> message, int peer) => throw new NotSupportedException();

        public void Receive(Span<byte> message, int peer) => throw new NotSupportedException();

        public void Barrier() => throw new NotSupportedException();

        public void Abort(int lostRank, string reason) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
