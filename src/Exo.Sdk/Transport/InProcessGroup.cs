using Exo.Sdk.Collectives;

namespace Exo.Sdk.Transport;

/// <summary>What the ranks of an in-process group share: a ring for each ordered pair, and who has left.</summary>
internal sealed class InProcessGroup
{
    private const int RingCapacity = 64 << 10;

    private readonly ByteRing?[] _rings;
    private readonly int[] _left;
    private readonly object[] _seats;
    private readonly int[] _waiting;
    private Ending? _loss;

    /// <summary>Makes a group.</summary>
    /// <param name="size">The number of ranks.</param>
    public InProcessGroup(int size)
    {
        Size = size;
        _rings = new ByteRing?[size * size];
        for (int pair = 0; pair < _rings.Length; pair++)
        {
            _rings[pair] = pair / size == pair % size ? null : new ByteRing(RingCapacity);
        }

        _left = new int[size];
        _waiting = new int[size];
        _seats = [.. Enumerable.Range(0, size).Select(_ => new object())];
    }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>Why the group is dead for all ranks, or null. One rank's orderly leave is not that.</summary>
    public Ending? Loss => Volatile.Read(ref _loss);

    /// <summary>The ring from one rank to another.</summary>
    /// <param name="from">The writing rank.</param>
    /// <param name="to">The reading rank.</param>
    /// <returns>The ring.</returns>
    public ByteRing Ring(int from, int to) => _rings[(from * Size) + to]!;

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

    /// <summary>Wakes a rank if it waits, after something was published to it.</summary>
    /// <param name="rank">The rank.</param>
    public void Wake(int rank)
    {
        // Orders the publication before the look at the flag, against the flag before the look at the ring in Wait.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _waiting[rank]) != 0)
        {
            lock (_seats[rank])
            {
                Monitor.PulseAll(_seats[rank]);
            }
        }
    }

    /// <summary>Waits until a ring is ready, somebody leaves or is lost, or time is up.</summary>
    /// <param name="rank">The waiting rank.</param>
    /// <param name="receiveFrom">One bit per rank to receive from.</param>
    /// <param name="sendTo">One bit per rank to send to.</param>
    /// <param name="milliseconds">The longest time.</param>
    /// <param name="isOver">Whether the waiting rank's own end has come.</param>
    public void Wait(int rank, uint receiveFrom, uint sendTo, int milliseconds, Func<bool> isOver)
    {
        lock (_seats[rank])
        {
            Volatile.Write(ref _waiting[rank], 1);
            Interlocked.MemoryBarrier();
            if (!IsReady(rank, receiveFrom, sendTo) && Loss is null && !isOver())
            {
                Monitor.Wait(_seats[rank], milliseconds);
            }

            Volatile.Write(ref _waiting[rank], 0);
        }
    }

    private bool IsReady(int rank, uint receiveFrom, uint sendTo)
    {
        for (int peer = 0; peer < Size; peer++)
        {
            bool receives = ((receiveFrom >> peer) & 1) != 0;
            bool sends = ((sendTo >> peer) & 1) != 0;
            if ((receives || sends) && HasLeft(peer))
            {
                return true;
            }

            if ((receives && !Ring(peer, rank).IsEmpty) || (sends && !Ring(rank, peer).IsFull))
            {
                return true;
            }
        }

        return false;
    }

    private void WakeAll()
    {
        for (int rank = 0; rank < Size; rank++)
        {
            Wake(rank);
        }
    }
}
