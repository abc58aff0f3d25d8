using System.Runtime.InteropServices;
using CsCheck;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Tests.Collectives;

public sealed unsafe class RingTests
{
    private const int Capacity = 256;

    [Fact]
    public void Bytes_come_out_as_they_went_in_whatever_the_pieces()
    {
        Gen.Int[0, Capacity + 20].Array[1, 60].Sample(
            pieces =>
            {
                using Memory memory = new();
                RingWriter writer = new(memory.Start, Capacity);
                RingReader reader = new(memory.Start, Capacity);
                Queue<byte> inside = new();
                byte next = 0;
                foreach (int piece in pieces)
                {
                    byte[] source = new byte[piece];
                    for (int i = 0; i < piece; i++)
                    {
                        source[i] = (byte)(next + i);
                    }

                    int head = piece / 3;
                    int written = writer.Write(source.AsSpan(0, head), source.AsSpan(head));
                    written.Should().Be(Math.Min(piece, Capacity - inside.Count));
                    for (int i = 0; i < written; i++)
                    {
                        inside.Enqueue(next++);
                    }

                    reader.Available().Should().Be(inside.Count);
                    byte[] target = new byte[piece * 2 / 3];
                    int read = reader.Read(target.AsSpan(0, target.Length / 2), target.AsSpan(target.Length / 2));
                    read.Should().Be(Math.Min(target.Length, inside.Count));
                    for (int i = 0; i < read; i++)
                    {
                        target[i].Should().Be(inside.Dequeue());
                    }

                    writer.Room().Should().Be(Capacity - inside.Count);
                }
            },
            threads: 1);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(Capacity + 1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    public void Counters_that_cannot_be_are_found_out_and_nothing_outside_the_ring_is_touched(long counter)
    {
        using Memory memory = new();
        RingReader reader = new(memory.Start, Capacity);
        *(long*)(memory.Start + RingMemory.WrittenAt) = counter;
        byte[] target = new byte[64];
        reader.Available().Should().Be(RingMemory.Damaged);
        reader.Read([], target).Should().Be(RingMemory.Damaged);
        target.Should().AllBeEquivalentTo((byte)0);

        RingWriter writer = new(memory.Start, Capacity);
        *(long*)(memory.Start + RingMemory.TakenAt) = counter == -1 ? 1 : counter; // Taken before it was written.
        writer.Room().Should().Be(RingMemory.Damaged);
        writer.Write([1], [2]).Should().Be(RingMemory.Damaged);
    }

    private sealed class Memory : IDisposable
    {
        public Memory()
        {
            Start = (byte*)NativeMemory.AlignedAlloc((nuint)RingMemory.ByteCount(Capacity), 128);
            NativeMemory.Clear(Start, (nuint)RingMemory.ByteCount(Capacity));
        }

        public byte* Start { get; }

        public void Dispose() => NativeMemory.AlignedFree(Start);
    }
}
