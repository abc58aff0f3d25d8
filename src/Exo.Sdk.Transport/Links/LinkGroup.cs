using System.Diagnostics.CodeAnalysis;

namespace Exo.Sdk.Transport.Links;

/// <summary>
/// The links of one rank to all others: a duplex, ordered, non-blocking byte channel per peer. It is the seam
/// between the collective algorithms, which only move bytes, and TCP, rings in memory and what may follow: a new transport
/// derives from this class, connects its links, and passes them to <see cref="Collectives.Collective"/>.
/// </summary>
/// <remarks>
/// One thread at a time moves bytes, between <see cref="Enter"/> and <see cref="Exit"/>; <see cref="End"/>
/// may be called from any thread. The links are cut at once when the group ends, but their handles are
/// released only when no operation uses them.
/// </remarks>
public abstract class LinkGroup
{
    /// <summary>What <see cref="TrySend"/>, <see cref="TryReceive"/> and <see cref="Peek"/> return when the peer is gone.</summary>
    public const int Closed = -1;

    /// <summary>More ranks than this do not fit the masks of <see cref="Wait"/>.</summary>
    public const int MaxSize = 32;

    private const int Idle = 0;
    private const int Busy = 1;
    private const int Closing = 2;

    private Ending? _ending;
    private int _state;

    /// <summary>Creates the group's state; the links are the derived type's.</summary>
    /// <param name="rank">This rank.</param>
    /// <param name="size">The number of ranks.</param>
    /// <param name="epoch">The group's epoch.</param>
    protected LinkGroup(int rank, int size, ulong epoch)
    {
        Rank = rank;
        Size = size;
        Epoch = epoch;
    }

    /// <summary>This rank.</summary>
    public int Rank { get; }

    /// <summary>The number of ranks.</summary>
    public int Size { get; }

    /// <summary>The group's epoch.</summary>
    public ulong Epoch { get; }

    /// <summary>Whether all ranks are on one machine, as far as their addresses tell; the same answer on every rank.</summary>
    public abstract bool IsOneMachine { get; }

    /// <summary>The ranks that have left in good order, one bit each, as far as <see cref="Wait"/> has noticed; 0 where links do not tell.</summary>
    public virtual uint Departed => 0;

    /// <summary>The rings from which peers' bytes can be read where they lie, or null where bytes must be received first.</summary>
    internal virtual RingLinkGroup? Rings => null;

    /// <summary>Why the group ended, or null while it lives.</summary>
    public Ending? Ending => Volatile.Read(ref _ending);

    /// <summary>Sends what the link takes at once of two spans, one behind the other.</summary>
    /// <param name="peer">The receiving rank.</param>
    /// <param name="head">The first bytes, perhaps none.</param>
    /// <param name="body">The bytes behind them, perhaps none.</param>
    /// <returns>The number of bytes taken, 0 where the link is full, or <see cref="Closed"/>.</returns>
    public abstract int TrySend(int peer, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body);

    /// <summary>Receives what is there at once into two spans, one behind the other, and never more.</summary>
    /// <param name="peer">The sending rank.</param>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled when <paramref name="head"/> is full.</param>
    /// <returns>The number of bytes, 0 where none are there yet, or <see cref="Closed"/>.</returns>
    public abstract int TryReceive(int peer, Span<byte> head, Span<byte> body);

    /// <summary>Says whether something can be received, without taking it.</summary>
    /// <param name="peer">The sending rank.</param>
    /// <returns>1 or 0, or <see cref="Closed"/>.</returns>
    public abstract int Peek(int peer);

    /// <summary>
    /// Makes sure that peers which block notice what was moved. Called by the moving thread before it waits and when it is
    /// through; links whose peers are woken by the bytes themselves have nothing to do.
    /// </summary>
    public virtual void Flush()
    {
    }

    /// <summary>
    /// Gives up the processor until a link is likely ready, the group ends or time is up. It may return early.
    /// It also looks for news that ends the group.
    /// </summary>
    /// <param name="receiveFrom">One bit per rank to receive from.</param>
    /// <param name="sendTo">One bit per rank to send to.</param>
    /// <param name="milliseconds">The longest time to wait.</param>
    public abstract void Wait(uint receiveFrom, uint sendTo, int milliseconds);

    /// <summary>Finds out why a link is closed: the peer may have died, left, or passed on another's loss.</summary>
    /// <param name="peer">The rank whose link is closed.</param>
    /// <returns>The best explanation that can be had in a short time.</returns>
    public abstract Ending Explain(int peer);

    /// <summary>Ends the group: the peers are told as far as that is possible at once, and the links are cut.</summary>
    /// <param name="ending">Why. Ignored where the group has ended before.</param>
    /// <returns>Whether this call ended it.</returns>
    public bool End(Ending ending)
    {
        if (Interlocked.CompareExchange(ref _ending, ending, null) is not null)
        {
            return false;
        }

        Disconnect(ending);
        if ((Interlocked.Or(ref _state, Closing) & Busy) == 0)
        {
            Release();
        }

        return true;
    }

    /// <summary>Begins an operation.</summary>
    /// <exception cref="PeerLostException">The group has ended.</exception>
    /// <exception cref="ObjectDisposedException">The group was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another thread is inside an operation.</exception>
    public void Enter()
    {
        int was = Interlocked.CompareExchange(ref _state, Busy, Idle);
        if ((was & Closing) != 0)
        {
            ThrowEnded();
        }

        if (was == Busy)
        {
            throw new InvalidOperationException(
                $"Rank {Rank} is inside an operation on another thread; one thread at a time may call a collective.");
        }
    }

    /// <summary>Ends an operation. One that did not finish leaves the links inside a message, so it ends the group.</summary>
    /// <param name="finished">Whether all bytes of the operation were moved.</param>
    public void Exit(bool finished)
    {
        Flush();
        if (!finished && Ending is null)
        {
            End(new Ending(Rank, "it failed inside an operation"));
        }

        if (Interlocked.CompareExchange(ref _state, Idle, Busy) != Busy)
        {
            Release();
            Interlocked.Exchange(ref _state, Closing);
        }
    }

    /// <summary>Throws what the group's end calls for.</summary>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ObjectDisposedException">This rank left.</exception>
    [DoesNotReturn]
    public void ThrowEnded() => throw Ending!.ToException();

    /// <summary>Tells the peers and cuts the links, without waiting. Called once, from any thread.</summary>
    /// <param name="ending">Why.</param>
    protected abstract void Disconnect(Ending ending);

    /// <summary>Releases the handles. Called once, after <see cref="Disconnect"/>, when no operation uses them.</summary>
    protected abstract void Release();
}
