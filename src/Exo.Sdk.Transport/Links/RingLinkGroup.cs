using System.Numerics;
using Exo.Sdk.Transport.Collectives;

namespace Exo.Sdk.Transport.Links;

/// <summary>
/// Links that are rings in memory that both ranks see. What arrives can be read where it lies, so a sum needs no copy
/// of it; see <see cref="RingBufferSum"/>.
/// </summary>
/// <remarks>
/// A rank that blocks says so where its peers see it. They look there not with every byte but in <see cref="Flush"/>,
/// when they wait themselves or are through: the memory barrier that this needs would otherwise wait for the bytes
/// just written to reach the other core.
/// </remarks>
internal abstract class RingLinkGroup : LinkGroup
{
    private uint _touched;

    /// <summary>Creates the group's state; the rings are the derived type's.</summary>
    /// <param name="rank">This rank.</param>
    /// <param name="size">The number of ranks.</param>
    /// <param name="epoch">The group's epoch.</param>
    protected RingLinkGroup(int rank, int size, ulong epoch)
        : base(rank, size, epoch)
    {
        Readers = new RingReader?[size];
        Writers = new RingWriter?[size];
    }

    /// <inheritdoc/>
    public override bool IsOneMachine => true;

    /// <inheritdoc/>
    internal sealed override RingLinkGroup Rings => this;

    /// <summary>The rings from the peers, by rank; none at this rank.</summary>
    protected RingReader?[] Readers { get; }

    /// <summary>The rings to the peers, by rank; none at this rank.</summary>
    protected RingWriter?[] Writers { get; }

    /// <summary>The ring from a peer, to be read where it lies. Only inside an operation.</summary>
    /// <param name="peer">The sending rank.</param>
    /// <returns>The ring.</returns>
    public RingReader Reader(int peer) => Readers[peer]!;

    /// <summary>How much a peer's ring holds; ends the group where the ring is damaged.</summary>
    /// <param name="peer">The sending rank.</param>
    /// <returns>Bytes, or <see cref="LinkGroup.Closed"/> where none are left and none will come.</returns>
    /// <exception cref="ProtocolException">The ring's counters cannot be.</exception>
    public int Available(int peer)
    {
        // Whether the peer has left is read first: what it wrote before it left is in the ring by then.
        bool gone = IsGone(peer);
        int there = Checked(peer, Readers[peer]!.Available());
        return there == 0 && gone ? Closed : there;
    }

    /// <summary>Gives read bytes' room back to the peer.</summary>
    /// <param name="peer">The sending rank.</param>
    /// <param name="count">How many bytes.</param>
    public void Take(int peer, int count)
    {
        Readers[peer]!.Take(count);
        _touched |= 1u << peer;
    }

    /// <inheritdoc/>
    public override int TrySend(int peer, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        if (IsGone(peer))
        {
            return Closed;
        }

        int sent = Checked(peer, Writers[peer]!.Write(head, body));
        _touched |= sent > 0 ? 1u << peer : 0;
        return sent;
    }

    /// <inheritdoc/>
    public override int TryReceive(int peer, Span<byte> head, Span<byte> body)
    {
        bool gone = IsGone(peer);
        int received = Checked(peer, Readers[peer]!.Read(head, body));
        _touched |= received > 0 ? 1u << peer : 0;
        return received == 0 && gone ? Closed : received;
    }

    /// <inheritdoc/>
    public override int Peek(int peer) => Math.Sign(Available(peer));

    /// <inheritdoc/>
    public override void Flush()
    {
        if (_touched != 0)
        {
            // Orders what was published before the look at the peers' flags, against their flag before their look at the rings.
            Interlocked.MemoryBarrier();
            Nudge(_touched);
            _touched = 0;
        }
    }

    /// <summary>Whether nothing more is taken by or comes from a peer.</summary>
    /// <param name="peer">The rank.</param>
    /// <returns>Whether it is gone.</returns>
    protected abstract bool IsGone(int peer);

    /// <summary>Wakes those ranks that block, after something was published to them.</summary>
    /// <param name="peers">One bit per rank.</param>
    protected abstract void Nudge(uint peers);

    /// <summary>Whether something can be moved, or never will be.</summary>
    /// <param name="receiveFrom">One bit per rank to receive from.</param>
    /// <param name="sendTo">One bit per rank to send to.</param>
    /// <returns>Whether a wait for it is over.</returns>
    protected bool IsReady(uint receiveFrom, uint sendTo)
    {
        for (uint rest = receiveFrom | sendTo; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            if (IsGone(peer)
                || ((receiveFrom >> peer & 1) != 0 && Readers[peer]!.Available() != 0)
                || ((sendTo >> peer & 1) != 0 && Writers[peer]!.Room() != 0))
            {
                return true;
            }
        }

        return false;
    }

    private int Checked(int peer, int moved)
    {
        if (moved == RingMemory.Damaged)
        {
            string problem = $"the counters of the ring between rank {Rank} and rank {peer} contradict each other";
            End(new Ending(peer, problem));
            throw new ProtocolException($"Rank {peer} broke the shared memory: {problem}.");
        }

        return moved;
    }
}
