using System.Runtime.InteropServices;

namespace Exo.Sdk.Transport;

/// <summary>
/// A ring of bytes between one writing and one reading thread, without locks: each side owns one counter and
/// publishes it after the bytes.
/// </summary>
/// <param name="capacity">The ring's size in bytes, a power of two.</param>
internal sealed class ByteRing(int capacity)
{
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(capacity);
    private Counters _counters;

    /// <summary>Whether nothing is there to read.</summary>
    public bool IsEmpty => Volatile.Read(ref _counters.Written) == Volatile.Read(ref _counters.Taken);

    /// <summary>Whether nothing can be written.</summary>
    public bool IsFull => Volatile.Read(ref _counters.Written) - Volatile.Read(ref _counters.Taken) == capacity;

    /// <summary>Writes as much as fits. Only the writing thread calls it.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="body">The bytes behind them.</param>
    /// <returns>The number of bytes written.</returns>
    public int Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        long written = _counters.Written;
        int free = capacity - (int)(written - Volatile.Read(ref _counters.Taken));
        int first = Math.Min(head.Length, free);
        int second = Math.Min(body.Length, free - first);
        CopyIn(head[..first], written);
        CopyIn(body[..second], written + first);
        Volatile.Write(ref _counters.Written, written + first + second);
        return first + second;
    }

    /// <summary>Reads as much as there is. Only the reading thread calls it.</summary>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled next.</param>
    /// <returns>The number of bytes read.</returns>
    public int Read(Span<byte> head, Span<byte> body)
    {
        long taken = _counters.Taken;
        int there = (int)(Volatile.Read(ref _counters.Written) - taken);
        int first = Math.Min(head.Length, there);
        int second = Math.Min(body.Length, there - first);
        CopyOut(taken, head[..first]);
        CopyOut(taken + first, body[..second]);
        Volatile.Write(ref _counters.Taken, taken + first + second);
        return first + second;
    }

    private void CopyIn(ReadOnlySpan<byte> source, long at)
    {
        int slot = (int)(at & (capacity - 1));
        int untilEnd = Math.Min(source.Length, capacity - slot);
        source[..untilEnd].CopyTo(_bytes.AsSpan(slot));
        source[untilEnd..].CopyTo(_bytes);
    }

    private void CopyOut(long at, Span<byte> target)
    {
        int slot = (int)(at & (capacity - 1));
        int untilEnd = Math.Min(target.Length, capacity - slot);
        _bytes.AsSpan(slot, untilEnd).CopyTo(target);
        _bytes.AsSpan(0, target.Length - untilEnd).CopyTo(target[untilEnd..]);
    }

    /// <summary>Each counter on cache lines of its own, so that the two sides do not fight over one.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Counters
    {
        [FieldOffset(128)]
        public long Written;

        [FieldOffset(256)]
        public long Taken;
    }
}
