using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.InProcess;

/// <summary>What the ranks of an in-process group share: a ring for each ordered pair, and who has left.</summary>
internal sealed class InProcessGroup
{
    private const int Alignment = 128;

    private readonly byte[] _memory;
    private readonly int _capacity;
    private readonly int[] _left;
    private readonly object[] _seats;
    private readonly int[] _waiting;
    private Ending? _loss;

    /// <summary>Makes a group.</summary>
    /// <param name="size">The number of ranks.</param>
    public InProcessGroup(int size)
    {
        Size = size;
        _capacity = RingMemory.CapacityFor(size);
        _memory = GC.AllocateArray<byte>((size * size * RingMemory.ByteCount(_capacity)) + Alignment, pinned: true);
        _left = new int[size];
        _waiting = new int[size];
        _seats = [.. Enumerable.Range(0, size).Select(_ => new object())];
    }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>Why the group is dead for all ranks, or null. One rank's orderly leave is not that.</summary>
    public Ending? Loss => Volatile.Read(ref _loss);

    /// <summary>Makes the writing side of the ring from one rank to another. It may be used while this object is alive.</summary>
    /// <param name="from">The writing rank.</param>
    /// <param name="to">The reading rank.</param>
    /// <returns>The ring's side.</returns>
    public unsafe RingWriter Writer(int from, int to) => new(Ring(from, to), _capacity);

    /// <summary>Makes the reading side of the ring from one rank to another. It may be used while this object is alive.</summary>
    /// <param name="from">The writing rank.</param>
    /// <param name="to">The reading rank.</param>
    /// <returns>The ring's side.</returns>
    public unsafe RingReader Reader(int from, int to) => new(Ring(from, to), _capacity);

    /// <summary>Whether a rank has left in good order.</summary>
    /// <param name="rank">The rank.</param>
    /// <returns>Whether it has left.</returns>
    public bool HasLeft(int rank) => Volatile.Read(ref _left[rank]) != 0;

    /// <summary>Notes that a rank leaves.</summary>
    /// <param name="rank">The rank.</param>
    public void Leave(int rank)
    {
        Volatile.Write(ref _left[rank], 1);
        WakeAll();
    }

    /// <summary>Declares a rank lost. The first call wins.</summary>
    /// <param name="loss">The loss.</param>
    public void Lose(Ending loss)
    {
        Interlocked.CompareExchange(ref _loss, loss, null);
        WakeAll();
    }

    /// <summary>Wakes a rank if it waits. What it is to see must be visible before the call.</summary>
    /// <param name="rank">The rank.</param>
    public void Wake(int rank)
    {
        if (Volatile.Read(ref _waiting[rank]) != 0)
        {
            lock (_seats[rank])
            {
                Monitor.PulseAll(_seats[rank]);
            }
        }
    }

    /// <summary>Waits until somebody wakes this rank or time is up.</summary>
    /// <param name="rank">The waiting rank.</param>
    /// <param name="milliseconds">The longest time.</param>
    /// <param name="isOver">Whether there is nothing to wait for; asked once the others see that this rank waits.</param>
    public void Wait(int rank, int milliseconds, Func<bool> isOver)
    {
        lock (_seats[rank])
        {
            Volatile.Write(ref _waiting[rank], 1);
            Interlocked.MemoryBarrier();
            if (!isOver())
            {
                Monitor.Wait(_seats[rank], milliseconds);
            }

            Volatile.Write(ref _waiting[rank], 0);
        }
    }

    private unsafe byte* Ring(int from, int to)
    {
        byte* start = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)); // Pinned for its life.
        start += (nuint)(Alignment - 1) - (((nuint)start + Alignment - 1) % Alignment);
        return start + ((nint)RingMemory.ByteCount(_capacity) * ((from * Size) + to));
    }

    private void WakeAll()
    {
        Interlocked.MemoryBarrier();
        for (int rank = 0; rank < Size; rank++)
        {
            Wake(rank);
        }
    }
}
