namespace Exo.Sdk.Transport.Links;

/// <summary>The reading side of a ring. One thread at a time uses it.</summary>
/// <param name="memory">The ring, zeroed, aligned to 128 bytes; see <see cref="RingMemory"/>. It outlives this object's use.</param>
/// <param name="capacity">The bytes it holds, a power of two.</param>
internal sealed unsafe class RingReader(byte* memory, int capacity)
{
    private long _taken;

    /// <summary>How much is there to read.</summary>
    /// <returns>Bytes, or <see cref="RingMemory.Damaged"/>.</returns>
    public int Available()
    {
        long there = Volatile.Read(ref *(long*)(memory + RingMemory.WrittenAt)) - _taken;
        return there >= 0 && there <= capacity ? (int)there : RingMemory.Damaged;
    }

    /// <summary>Reads as much as there is into two spans, one behind the other.</summary>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled next.</param>
    /// <returns>The number of bytes read, or <see cref="RingMemory.Damaged"/>.</returns>
    public int Read(Span<byte> head, Span<byte> body)
    {
        int there = Available();
        if (there <= 0)
        {
            return there;
        }

        int first = Math.Min(head.Length, there);
        int second = Math.Min(body.Length, there - first);
        CopyOut(0, head[..first]);
        CopyOut(first, body[..second]);
        Take(first + second);
        return first + second;
    }

    /// <summary>Copies bytes without taking them.</summary>
    /// <param name="offset">How far behind the next byte they begin.</param>
    /// <param name="target">Filled; all of it must be available.</param>
    public void CopyOut(int offset, Span<byte> target)
    {
        ReadOnlySpan<byte> bytes = new(memory + RingMemory.BytesAt, capacity);
        int slot = (int)((_taken + offset) & (capacity - 1));
        int untilEnd = Math.Min(target.Length, capacity - slot);
        bytes.Slice(slot, untilEnd).CopyTo(target);
        if (untilEnd < target.Length)
        {
            bytes[..(target.Length - untilEnd)].CopyTo(target[untilEnd..]);
        }
    }

    /// <summary>The bytes from an offset to the end of the ring's memory, where they lie.</summary>
    /// <param name="offset">How far behind the next byte they begin; less than what is available.</param>
    /// <param name="length">How many lie there in one piece, whether available yet or not.</param>
    /// <returns>The first byte's address; it may be unaligned.</returns>
    public byte* Piece(int offset, out int length)
    {
        int slot = (int)((_taken + offset) & (capacity - 1));
        length = capacity - slot;
        return memory + RingMemory.BytesAt + slot;
    }

    /// <summary>Gives the room of bytes that have been read back to the writer.</summary>
    /// <param name="count">How many; no more than are available.</param>
    public void Take(int count)
    {
        _taken += count;
        Volatile.Write(ref *(long*)(memory + RingMemory.TakenAt), _taken);
    }
}
