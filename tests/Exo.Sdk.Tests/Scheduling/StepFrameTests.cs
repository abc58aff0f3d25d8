using System.Buffers.Binary;
using CsCheck;
using Exo.Sdk.Scheduling;

namespace Exo.Sdk.Tests.Scheduling;

public sealed class StepFrameTests
{
    private static readonly Gen<Step> Steps =
        from operations in Gen.Select(Gen.Enum<CacheOperationKind>(), Gen.Int[0, 5], static (kind, slot) => new CacheOperation(kind, slot)).Array[0, 12]
        from sequences in Gen.Select(
            Gen.Int[0, 4000], Gen.Int[0, 99].Array[1, 20], Gen.Enum<StepLogits>(), Gen.Int[0, 3], Gen.Int[0, 1 << 20].Array[0, 10],
            static (position, tokens, logits, adapter, pages) => new Part(position, tokens, logits, adapter, pages)).Array[0, 6]
        select new Step(operations, sequences);

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(1000)]
    public void What_is_sent_is_received(int tokens)
    {
        StepFrame sent = new(Limits(3, 1024));
        int[] prompt = [.. Enumerable.Range(7, tokens)];
        sent.Add(new CacheOperation(CacheOperationKind.Free, 2));
        sent.Add(new CacheOperation(CacheOperationKind.Allocate, 2));
        sent.Add(0, 41, [99], StepLogits.Last);
        sent.Add(2, 0, prompt, StepLogits.None);
        Wire wire = new();
        sent.Send(wire);

        StepFrame received = new(Limits(3, 1024));
        received.Receive(wire.Reader());
        received.IsStop.Should().BeFalse();
        received.Operations.ToArray().Should().Equal(sent.Operations.ToArray());
        received.Batch.Tokens.ToArray().Should().Equal([99, .. prompt]);
        received.Batch.Sequences.ToArray().Should().Equal(new SequenceStep(0, 41, 1, StepLogits.Last), new SequenceStep(2, 0, tokens, StepLogits.None));
        received.Batch.LogitRowCount.Should().Be(1);
        wire.Messages.Should().HaveCount(tokens <= 100 ? 1 : 2, "an ordinary decode step is one message");
    }

    [Fact]
    public void Stop_is_received()
    {
        StepFrame sent = new(Limits(1, 8));
        sent.MakeStop();
        Wire wire = new();
        sent.Send(wire);
        StepFrame received = new(Limits(1, 8));
        received.Receive(wire.Reader());
        received.IsStop.Should().BeTrue();
    }

    [Fact]
    public void Frames_that_claim_more_than_was_agreed_are_refused()
    {
        StepFrame sent = new(Limits(4, 64));
        sent.Add(0, 0, new int[64], StepLogits.Last);
        Wire wire = new();
        sent.Send(wire);
        Action receive = () => new StepFrame(Limits(4, 63)).Receive(wire.Reader());
        receive.Should().Throw<ProtocolException>().WithMessage("*64 tokens*63*");
    }

    [Fact]
    public void Whatever_a_step_can_say_is_received_as_it_was_sent() => Steps.Sample(static step =>
    {
        StepFrame sent = step.Frame();
        Wire wire = new();
        sent.Send(wire);
        StepFrame received = new(step.Limits);
        received.Receive(wire.Reader());
        received.Operations.ToArray().Should().Equal(sent.Operations.ToArray());
        received.Batch.Sequences.ToArray().Should().Equal(sent.Batch.Sequences.ToArray());
        received.Batch.Pages.ToArray().Should().Equal(step.Sequences.SelectMany(sequence => sequence.Pages));
        received.Batch.Tokens.ToArray().Should().Equal(step.Sequences.SelectMany(sequence => sequence.Tokens));
        received.Batch.LogitRowCount.Should().Be(step.Sequences.Sum(
            sequence => sequence.Logits switch { StepLogits.None => 0, StepLogits.Last => 1, _ => sequence.Tokens.Length }));
        wire.Messages[0].Should().HaveCount(sent.FixedSize);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(64)]
    public void A_decode_step_of_all_sequences_is_one_message(int sequences)
    {
        StepFrame sent = new(Limits(sequences, sequences));
        for (int slot = 0; slot < sequences; slot++)
        {
            sent.Add(slot, 1000, [slot], StepLogits.Last);
        }

        Wire wire = new();
        sent.Send(wire);
        wire.Messages.Should().ContainSingle();
        sequences.Should().Match(count => count > 16 || wire.Messages[0].Length == 512);
    }

    [Theory]
    [InlineData(4, 1, "*version 1*speaks 2*")]
    [InlineData(4, 3, "*version 3*speaks 2*")]
    [InlineData(8, 2, "*flags 0x2*")]
    [InlineData(8, -1, "*flags 0xFFFFFFFF*")]
    [InlineData(28, 0, "*cache operation*")]
    [InlineData(28, 3, "*cache operation*")]
    [InlineData(32, 2, "*slot*")]
    [InlineData(36 + 12, 3, "*kind of logits*")]
    [InlineData(36 + 12, 0x100, "*kind of logits*")]
    [InlineData(36 + 16, -1, "*adapter*")]
    public void What_a_rank_does_not_know_is_refused_by_name(int offset, int value, string message)
    {
        StepFrame sent = new(Limits(2, 32));
        sent.Add(new CacheOperation(CacheOperationKind.Allocate, 1));
        sent.Add(1, 5, [1, 2, 3], StepLogits.Last);
        Wire wire = new();
        sent.Send(wire);
        BinaryPrimitives.WriteInt32LittleEndian(wire.Messages[0].AsSpan(offset), value);
        Action receive = () => new StepFrame(Limits(2, 32)).Receive(wire.Reader());
        receive.Should().Throw<ProtocolException>().WithMessage(message);
    }

    [Fact]
    public void Damaged_frames_are_refused_or_stay_within_bounds() =>
        Gen.Select(Steps, Gen.Select(Gen.Int[0, 2000], Gen.Int).Array[1, 4]).Sample(static (step, damages) =>
        {
            Wire wire = new();
            step.Frame().Send(wire);
            foreach ((int at, int value) in damages)
            {
                byte[] message = wire.Messages[at % wire.Messages.Count];
                BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(at % (message.Length / 4) * 4), value);
            }

            StepFrame received = new(step.Limits);
            try
            {
                received.Receive(wire.Reader());
            }
            catch (ProtocolException)
            {
                return;
            }
            catch (EndOfMessagesException)
            {
                // It claims more than was sent, within the limits: on the wire it waits, until a deadline, for what does not come.
                return;
            }

            StepBatch batch = received.Batch;
            batch.Sequences.ToArray().All(sequence =>
                sequence.Slot >= 0 && sequence.Slot < step.Limits.MaxSequences && sequence.Position >= 0 && sequence.Count >= 1
                && sequence.Logits <= StepLogits.All && sequence.Adapter >= 0 && sequence.PageCount >= 0).Should().BeTrue();
            batch.Sequences.ToArray().Sum(sequence => sequence.Count).Should().Be(batch.Tokens.Length).And.BeLessThanOrEqualTo(step.Limits.MaxBatchTokens);
            batch.Sequences.ToArray().Sum(sequence => sequence.PageCount).Should().Be(batch.Pages.Length).And.BeLessThanOrEqualTo(step.Limits.MaxPages);
            batch.Tokens.ToArray().All(token => token >= 0).Should().BeTrue();
            batch.Pages.ToArray().All(page => page >= 0).Should().BeTrue();
        });

    private static EngineLimits Limits(int sequences, int tokens, int pages = 0) => new(4096, sequences, tokens, 100, pages);

    private sealed record Part(int Position, int[] Tokens, StepLogits Logits, int Adapter, int[] Pages);

    private sealed record Step(CacheOperation[] Operations, Part[] Sequences)
    {
        public EngineLimits Limits { get; } = StepFrameTests.Limits(6, 120, 60);

        public StepFrame Frame()
        {
            StepFrame frame = new(Limits);
            Array.ForEach(Operations, frame.Add);
            for (int slot = 0; slot < Sequences.Length; slot++)
            {
                Part part = Sequences[slot];
                frame.Add(slot, part.Position, part.Tokens, part.Logits, part.Adapter, part.Pages);
            }

            return frame;
        }
    }

    private sealed class EndOfMessagesException : Exception;

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
                byte[] next = _next < Messages.Count ? Messages[_next++] : throw new EndOfMessagesException();
                next.AsSpan(0, Math.Min(next.Length, message.Length)).CopyTo(message);
            }
        }

        public void WaitForMessage(int peer)
        {
        }

        public void AllReduceSum(Span<float> values) => throw new NotSupportedException();

        public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts) => throw new NotSupportedException();

        public void Send(ReadOnlySpan<byte> message, int peer) => throw new NotSupportedException();

        public void Receive(Span<byte> message, int peer) => throw new NotSupportedException();

        public ICollective? Split(int color, int key) => throw new NotSupportedException();

        public void Barrier() => throw new NotSupportedException();

        public void Abort(int lostRank, string reason) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
