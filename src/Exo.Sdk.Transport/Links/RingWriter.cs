namespace Exo.Sdk.Transport.Links;

/// <summary>The writing side of a ring. One thread at a time uses it.</summary>
/// <param name="memory">The ring, zeroed, aligned to 128 bytes; see <see cref="RingMemory"/>. It outlives this object's use.</param>
/// <param name="capacity">The bytes it holds, a power of two.</param>
internal sealed unsafe class RingWriter(byte* memory, int capacity)
{
    private long _written;

    /// <summary>How much can be written now.</summary>
    /// <returns>Bytes, or <see cref="RingMemory.Damaged"/>.</returns>
    public int Room()
    {
        long held = _written - Volatile.Read(ref *(long*)(memory + RingMemory.TakenAt));
        return held >= 0 && held <= capacity ? capacity - (int)held : RingMemory.Damaged;
    }

    /// <summary>Writes as much as fits of two spans, one behind the other.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="body">The bytes behind them.</param>
    /// <returns>The number of bytes written, or <see cref="RingMemory.Damaged"/>.</returns>
    public int Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        int room = Room();
        if (room <= 0)
        {
            return room;
        }

        int first = Math.Min(head.Length, room);
        int second = Math.Min(body.Length, room - first);
        CopyIn(head[..first], _written);
        CopyIn(body[..second], _written + first);
        _written += first + second;
        Volatile.Write(ref *(long*)(memory + RingMemory.WrittenAt), _written);
        return first + second;
    }

    private void CopyIn(ReadOnlySpan<byte> source, long at)
    {
        Span<byte> bytes = new(memory + RingMemory.BytesAt, capacity);
        int slot = (int)(at & (capacity - 1));
        int untilEnd = Math.Min(source.Length, capacity - slot);
        source[..untilEnd].CopyTo(bytes[slot..]);
        if (untilEnd < source.Length)
        {
            source[untilEnd..].CopyTo(bytes);
        }
    }
}
