using System.Numerics;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Collectives;

/// <summary>
/// The sum over all ranks, in rank order. Two ways, both streamed through a small window per peer:
/// <list type="bullet">
/// <item>direct: every rank sends everything to every rank and each sums for itself. One message deep, so it is
/// the quickest for small vectors; for two ranks it moves no more than the other way, so it is used for all sizes.</item>
/// <item>segmented: each rank owns a segment, receives all contributions to it (reduce-scatter) and sends the sum
/// to all (all-gather), piece by piece as it grows. It moves 2(n−1)/n of the vector per rank and not n−1.</item>
/// </list>
/// Either way an element is summed as ((r0 + r1) + r2) …, so every rank ends with the same bits.
/// </summary>
internal sealed class AllReduce
{
    /// <summary>Up to this many bytes more than two ranks sum directly. Measured; see benchmarks.</summary>
    public const int DirectLimit = 64 << 10;

    /// <summary>Values of one peer that may be received before they are summed.</summary>
    public const int WindowLength = 64 << 10;

    /// <summary>Values summed at a time: all ranks' pieces together stay in the first-level caches.</summary>
    private const int PieceLength = 2048;

    private readonly LinkGroup _links;
    private readonly Lane?[] _lanes;
    private readonly WaitLimits _limits;
    private readonly float[]?[] _windows;
    private readonly uint _peers;

    /// <summary>Prepares sums over a group.</summary>
    /// <param name="links">The wires.</param>
    /// <param name="lanes">The lanes by rank; none at this rank.</param>
    /// <param name="limits">How long to wait.</param>
    public AllReduce(LinkGroup links, Lane?[] lanes, in WaitLimits limits)
    {
        _links = links;
        _lanes = lanes;
        _limits = limits;
        _windows = new float[]?[links.Size];
        _peers = ((1u << (links.Size - 1) << 1) - 1) & ~(1u << links.Rank);
    }

    /// <summary>Replaces the values by their sum over all ranks.</summary>
    /// <param name="values">Equal in length on every rank.</param>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ProtocolException">A rank calls something else.</exception>
    public void Run(Span<float> values)
    {
        if (_peers == 0)
        {
            return;
        }

        bool direct = _links.Size == 2 || values.Length <= DirectLimit / sizeof(float);
        Progress progress = new(values, direct, _links);
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            Lane lane = _lanes[peer]!;
            _windows[peer] ??= GC.AllocateUninitializedArray<float>(WindowLength);
            lane.BeginSend(Operation.Reduce, progress.Bytes.Length, progress.Contribution(peer).Length);
            lane.BeginReceive(Operation.Reduce, progress.Bytes.Length, progress.Own.Length);
        }

        Patience patience = new(_links, _limits);
        while (true)
        {
            int moved = Send(ref progress) + Receive(ref progress) + Sum(ref progress);
            if (progress.UnfinishedSends == 0 && progress.UnfinishedReceives == 0 && progress.SummedBytes == progress.Own.Length)
            {
                return;
            }

            if (moved > 0)
            {
                patience.Restart();
            }
            else
            {
                patience.WaitOrBlame(progress.AwaitedReceives, progress.AwaitedSends, _lanes, progress.ReceivesSums);
            }
        }
    }

    private int Send(ref Progress progress)
    {
        int moved = 0;
        progress.AwaitedSends = 0;
        for (uint rest = progress.UnfinishedSends; rest != 0; rest &= rest - 1)
        {
            uint bit = rest & (0 - rest);
            int peer = BitOperations.TrailingZeroCount(rest);
            Lane lane = _lanes[peer]!;
            ReadOnlySpan<byte> source = (progress.SendsSums & bit) != 0
                ? progress.Own[..progress.SummedBytes]
                : progress.Contribution(peer);
            ReadOnlySpan<byte> body = source[(int)lane.Sent..];
            if (body.IsEmpty && !progress.Own.IsEmpty && (progress.SendsSums & bit) != 0)
            {
                continue; // Nothing more is summed yet.
            }

            moved += lane.TrySend(body);
            if (!lane.SendDone)
            {
                progress.AwaitedSends |= bit;
            }
            else if (progress.Direct || (progress.SendsSums & bit) != 0)
            {
                progress.UnfinishedSends &= ~bit;
            }
            else
            {
                progress.SendsSums |= bit;
                lane.BeginSend(Operation.Reduced, progress.Bytes.Length, progress.Own.Length);
            }
        }

        return moved;
    }

    private int Receive(ref Progress progress)
    {
        int moved = 0;
        progress.AwaitedReceives = 0;
        for (uint rest = progress.UnfinishedReceives; rest != 0; rest &= rest - 1)
        {
            uint bit = rest & (0 - rest);
            int peer = BitOperations.TrailingZeroCount(rest);
            Lane lane = _lanes[peer]!;
            bool receivesSums = (progress.ReceivesSums & bit) != 0;
            Span<byte> body = receivesSums
                ? progress.Contribution(peer)[(int)lane.Received..]
                : Room(peer, (int)lane.Received, progress);
            if (body.IsEmpty && lane.HasWholeHeader)
            {
                continue; // The window is full until the others catch up.
            }

            moved += lane.TryReceive(body);
            if (!lane.ReceiveDone)
            {
                progress.AwaitedReceives |= bit;
            }
            else if (progress.Direct || receivesSums)
            {
                progress.UnfinishedReceives &= ~bit;
            }
            else
            {
                // The sum of the peer's segment goes where this rank's contribution to it was: the peer had to
                // receive each value of that before it could sum it.
                progress.ReceivesSums |= bit;
                lane.BeginReceive(Operation.Reduced, progress.Bytes.Length, progress.Contribution(peer).Length);
            }
        }

        return moved;
    }

    /// <summary>The free part of a peer's window, up to its end.</summary>
    private Span<byte> Room(int peer, int received, in Progress progress)
    {
        Span<byte> window = MemoryMarshal.AsBytes(_windows[peer].AsSpan());
        int at = received % window.Length;
        int room = Math.Min(window.Length - at, progress.SummedBytes + window.Length - received);
        return window.Slice(at, Math.Min(room, progress.Own.Length - received));
    }

    /// <summary>Sums what all ranks have delivered; returns the number of bytes summed.</summary>
    private int Sum(ref Progress progress)
    {
        int ready = progress.Own.Length;
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            uint bit = rest & (0 - rest);
            Lane lane = _lanes[BitOperations.TrailingZeroCount(rest)]!;
            if ((progress.ReceivesSums & bit) == 0)
            {
                ready = Math.Min(ready, (int)lane.Received);
            }

            if (progress.Direct)
            {
                ready = Math.Min(ready, (int)lane.Sent); // A value is overwritten by the sum once it is sent.
            }
        }

        int from = progress.SummedBytes / sizeof(float);
        int to = ready / sizeof(float);
        Span<float> own = MemoryMarshal.Cast<byte, float>(progress.Own);
        for (int at = from; at < to;)
        {
            int slot = at % WindowLength;
            int count = Math.Min(Math.Min(to - at, PieceLength), WindowLength - slot);
            SumPiece(own.Slice(at, count), slot);
            at += count;
        }

        progress.SummedBytes = to * sizeof(float);
        return (to - from) * sizeof(float);
    }

    /// <summary>Sums one piece in rank order. The lower ranks' sum grows in rank 0's window, which is free afterwards.</summary>
    private void SumPiece(Span<float> own, int slot)
    {
        int first = 1;
        if (_links.Rank > 0)
        {
            Span<float> sum = _windows[0].AsSpan(slot, own.Length);
            for (int peer = 1; peer < _links.Rank; peer++)
            {
                RankOrderSum.Add(sum, _windows[peer].AsSpan(slot, own.Length), sum);
            }

            RankOrderSum.Add(sum, own, own);
            first = _links.Rank + 1;
        }

        for (int peer = first; peer < _links.Size; peer++)
        {
            RankOrderSum.Add(own, _windows[peer].AsSpan(slot, own.Length), own);
        }
    }

    /// <summary>Where one sum stands. The masks have one bit per rank.</summary>
    private ref struct Progress
    {
        private readonly int _size;

        public Progress(Span<float> values, bool direct, LinkGroup links)
        {
            Bytes = MemoryMarshal.AsBytes(values);
            Direct = direct;
            _size = links.Size;
            Own = Contribution(links.Rank);
            uint peers = ((1u << (_size - 1) << 1) - 1) & ~(1u << links.Rank);
            UnfinishedSends = peers;
            UnfinishedReceives = peers;
        }

        /// <summary>Whether every rank sums everything for itself.</summary>
        public bool Direct { get; }

        /// <summary>The whole vector.</summary>
        public Span<byte> Bytes { get; }

        /// <summary>What this rank sums.</summary>
        public Span<byte> Own { get; }

        /// <summary>How much of <see cref="Own"/> is summed.</summary>
        public int SummedBytes { get; set; }

        /// <summary>The ranks that not everything is sent to.</summary>
        public uint UnfinishedSends { get; set; }

        /// <summary>The ranks that not everything is received from.</summary>
        public uint UnfinishedReceives { get; set; }

        /// <summary>The ranks that have this rank's contribution and now get its sums.</summary>
        public uint SendsSums { get; set; }

        /// <summary>The ranks whose contribution is here and whose sums now arrive.</summary>
        public uint ReceivesSums { get; set; }

        /// <summary>The ranks whose wire was full at the last try.</summary>
        public uint AwaitedSends { get; set; }

        /// <summary>The ranks whose wire was empty at the last try.</summary>
        public uint AwaitedReceives { get; set; }

        /// <summary>The part of the vector that a rank sums.</summary>
        public readonly Span<byte> Contribution(int rank)
        {
            if (Direct)
            {
                return Bytes;
            }

            long length = Bytes.Length / sizeof(float);
            int start = (int)(length * rank / _size) * sizeof(float);
            int end = (int)(length * (rank + 1) / _size) * sizeof(float);
            return Bytes[start..end];
        }
    }
}
