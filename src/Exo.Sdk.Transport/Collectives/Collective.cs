using System.Numerics;
using System.Runtime.InteropServices;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// The collective operations over any links. Everything runs on the calling thread: it polls the links, and blocks in
/// <see cref="LinkGroup.Wait"/> where nothing moves for a while. Sums are taken in rank order, so that every rank holds the same bits.
/// </summary>
public sealed class Collective : ICollective
{
    private readonly Membership _group;
    private readonly LinkGroup _links;
    private readonly WireFormat? _format;
    private readonly bool _ownsLinks;
    private readonly WaitLimits _limits;
    private readonly MessageLink?[] _messageLinks;
    private readonly int[] _receiveAt;
    private readonly AllReduce _allReduce;
    private readonly uint _peers;
    private int _disposed;

    /// <summary>Makes a collective of connected links, which it owns.</summary>
    /// <param name="links">The links.</param>
    /// <param name="group">The group that they connect: its deadline, and how the values of an all-reduce travel.</param>
    /// <param name="spin">How long to poll before blocking. After the first 20 µs, at once where ranks outnumber processors, each poll yields.</param>
    /// <param name="localRanks">How many ranks of the group live on this machine.</param>
    public Collective(LinkGroup links, GroupDescription group, TimeSpan spin, int localRanks)
    {
        ArgumentNullException.ThrowIfNull(links);
        ArgumentNullException.ThrowIfNull(group);
        _ownsLinks = true;
        _links = links;
        _limits = WaitLimits.For(spin, group.Deadline, localRanks);
        _format = WireFormat.Of(group.WirePrecision);
        _group = new Membership(links);
        _messageLinks = _group.Messages;
        _receiveAt = new int[_group.Size];
        _peers = _group.Peers;
        _allReduce = new AllReduce(_group, _limits, _format);
    }

    private Collective(Collective whole, Membership group)
    {
        _links = whole._links;
        _limits = whole._limits;
        _format = whole._format;
        _group = group;
        _messageLinks = group.Messages;
        _receiveAt = new int[group.Size];
        _peers = group.Peers;
        _allReduce = new AllReduce(group, _limits, _format);
    }

    /// <inheritdoc/>
    public int Rank => _group.Rank;

    /// <inheritdoc/>
    public int Size => _group.Size;

    /// <inheritdoc/>
    public ulong Epoch => _links.Epoch;

    /// <inheritdoc/>
    public void AllReduceSum(Span<float> values)
    {
        Enter();
        bool finished = false;
        try
        {
            _allReduce.Run(values);
            finished = true;
        }
        finally
        {
            _links.Exit(finished);
        }
    }

    /// <inheritdoc/>
    public void AllGather(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts)
    {
        int own = CheckCounts(mine, all, counts);
        Enter();
        bool finished = false;
        try
        {
            mine.CopyTo(all[own..]);
            ReadOnlySpan<byte> source = MemoryMarshal.AsBytes(mine);
            Span<byte> target = MemoryMarshal.AsBytes(all);
            int at = 0;
            for (int peer = 0; peer < counts.Length; peer++)
            {
                int length = counts[peer] * sizeof(float);
                _receiveAt[peer] = at;
                at += length;
                if (_messageLinks[peer] is { } link)
                {
                    link.BeginSend(Operation.Gather, source.Length, source.Length);
                    link.BeginReceive(Operation.Gather, length, length);
                }
            }

            Exchange(source, target, counts, _peers, _peers);
            finished = true;
        }
        finally
        {
            _links.Exit(finished);
        }
    }

    /// <inheritdoc/>
    public void Broadcast(Span<byte> message, int root)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        uint sendTo = root == Rank ? _peers : 0;
        Move(Operation.Broadcast, message, message, sendTo, root == Rank ? 0 : 1u << root);
    }

    /// <inheritdoc/>
    public void Send(ReadOnlySpan<byte> message, int peer) =>
        Move(Operation.Message, message, [], BitOf(peer), 0);

    /// <inheritdoc/>
    public void Receive(Span<byte> message, int peer) =>
        Move(Operation.Message, [], message, 0, BitOf(peer));

    /// <inheritdoc/>
    public void Barrier() => Move(Operation.Barrier, [], [], _peers, _peers);

    /// <inheritdoc/>
    public void WaitForMessage(int peer)
    {
        uint bit = BitOf(peer);
        Enter();
        try
        {
            Patience patience = new(_group, _limits);
            while (true)
            {
                int there = _messageLinks[peer]!.Peek();
                if (there > 0)
                {
                    return;
                }

                if (there < 0)
                {
                    _links.End(_links.Explain(_group.LinkRankOf(peer)));
                    _links.ThrowEnded();
                }

                patience.Wait(bit, 0);
            }
        }
        finally
        {
            _links.Exit(finished: true);
        }
    }

    /// <inheritdoc/>
    public ICollective? Split(int color, int key)
    {
        Span<int> asked = stackalloc int[2 * LinkGroup.MaxSize];
        Span<int> counts = stackalloc int[LinkGroup.MaxSize];
        counts[..Size].Fill(2);
        AllGather(MemoryMarshal.Cast<int, float>([color, key]), MemoryMarshal.Cast<int, float>(asked[..(2 * Size)]), counts[..Size]);
        if (color < 0)
        {
            return null;
        }

        List<(int Key, int Rank)> members = [];
        for (int rank = 0; rank < Size; rank++)
        {
            if (asked[2 * rank] == color)
            {
                members.Add((asked[(2 * rank) + 1], rank));
            }
        }

        members.Sort();
        return new Collective(this, _group.Part([.. members.Select(static member => member.Rank)]));
    }

    /// <inheritdoc/>
    public void Abort(int lostRank, string reason)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lostRank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(lostRank, Size);
        ArgumentNullException.ThrowIfNull(reason);
        _links.End(new Ending(_group.LinkRankOf(lostRank), reason));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref _disposed, 1);
        if (_ownsLinks)
        {
            _links.End(new Ending(Rank, "This rank has left the group.", IsDisposal: true));
        }
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        _links.Enter();
    }

    private uint BitOf(int peer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(peer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(peer, Size);
        ArgumentOutOfRangeException.ThrowIfEqual(peer, Rank);
        return 1u << peer;
    }

    /// <summary>Checks the arguments of an all-gather; returns where this rank's part begins.</summary>
    private int CheckCounts(ReadOnlySpan<float> mine, Span<float> all, ReadOnlySpan<int> counts)
    {
        if (counts.Length != Size)
        {
            throw new ArgumentException($"{counts.Length} counts for {Size} ranks.", nameof(counts));
        }

        long total = 0;
        int own = 0;
        for (int peer = 0; peer < counts.Length; peer++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(counts[peer], nameof(counts));
            own = peer == Rank ? (int)total : own;
            total += counts[peer];
        }

        if (mine.Length != counts[Rank])
        {
            throw new ArgumentException($"{mine.Length} values where counts[{Rank}] says {counts[Rank]}.", nameof(mine));
        }

        if (all.Length != total)
        {
            throw new ArgumentException($"{all.Length} values where the counts sum to {total}.", nameof(all));
        }

        if (((ReadOnlySpan<float>)all).Overlaps(mine, out int offset) && offset != own)
        {
            throw new ArgumentException("This rank's part lies inside the result, but not in its own place.", nameof(mine));
        }

        return own;
    }

    /// <summary>Moves one message of a known length to some ranks and from some ranks.</summary>
    private void Move(Operation operation, ReadOnlySpan<byte> source, Span<byte> target, uint sendTo, uint receiveFrom)
    {
        Enter();
        bool finished = false;
        try
        {
            for (int peer = 0; peer < _messageLinks.Length; peer++)
            {
                _receiveAt[peer] = 0;
                if (((sendTo >> peer) & 1) != 0)
                {
                    _messageLinks[peer]!.BeginSend(operation, source.Length, source.Length);
                }

                if (((receiveFrom >> peer) & 1) != 0)
                {
                    _messageLinks[peer]!.BeginReceive(operation, target.Length, target.Length);
                }
            }

            Exchange(source, target, [], sendTo, receiveFrom);
            finished = true;
        }
        finally
        {
            _links.Exit(finished);
        }
    }

    /// <summary>
    /// Moves the messages begun on the links until all are done. Sends and receives take turns, and a rank that
    /// cannot send takes what arrives meanwhile: ranks that send to each other more than the links hold would
    /// otherwise wait for each other.
    /// </summary>
    private void Exchange(ReadOnlySpan<byte> source, Span<byte> target, ReadOnlySpan<int> counts, uint sendTo, uint receiveFrom)
    {
        Patience patience = new(_group, _limits);
        uint unasked = _peers & ~receiveFrom;
        while (true)
        {
            int moved = Send(source, ref sendTo) + Receive(target, counts, ref receiveFrom);
            if ((sendTo | receiveFrom) == 0)
            {
                return;
            }

            if (moved == 0 && sendTo != 0)
            {
                moved = TakeEarly(ref unasked);
            }

            if (moved > 0)
            {
                patience.Restart();
            }
            else
            {
                patience.WaitOrBlame(receiveFrom, sendTo, wakeFor: sendTo != 0 ? unasked : 0);
            }
        }
    }

    private int Send(ReadOnlySpan<byte> source, ref uint sendTo)
    {
        int moved = 0;
        for (uint rest = sendTo; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            moved += link.TrySend(source[(int)link.Sent..]);
            sendTo &= link.SendDone ? ~(1u << peer) : uint.MaxValue;
        }

        return moved;
    }

    private int Receive(Span<byte> target, ReadOnlySpan<int> counts, ref uint receiveFrom)
    {
        int moved = 0;
        for (uint rest = receiveFrom; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            int length = counts.IsEmpty ? target.Length : counts[peer] * sizeof(float);
            moved += link.TryReceive(target.Slice(_receiveAt[peer], length)[(int)link.Received..]);
            receiveFrom &= link.ReceiveDone ? ~(1u << peer) : uint.MaxValue;
        }

        return moved;
    }

    /// <summary>Takes what ranks have sent that this operation does not receive from; forgets those that have no more.</summary>
    private int TakeEarly(ref uint ranks)
    {
        int moved = 0;
        for (uint rest = ranks; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            int taken = _messageLinks[peer]!.TakeEarly();
            ranks &= taken < 0 ? ~(1u << peer) : uint.MaxValue;
            moved += Math.Max(taken, 0);
        }

        return moved;
    }
}
