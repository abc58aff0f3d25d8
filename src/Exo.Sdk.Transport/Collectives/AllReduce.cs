using System.Numerics;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// The sum over all ranks, in rank order. <see cref="AllReduceTuning"/> chooses among three ways; the first two are streamed
/// through a small window per peer:
/// <list type="bullet">
/// <item>direct: every rank sends everything to every rank and each sums for itself. One message deep, so it is
/// the quickest for small vectors; for two ranks it moves no more than the other way, so it is used for all sizes.
/// Over rings in memory it needs no window, see <see cref="RingBufferSum"/>.</item>
/// <item>segmented: each rank owns a segment, receives all contributions to it (reduce-scatter) and sends the sum
/// to all (all-gather), piece by piece as it grows. It moves 2(n−1)/n of the vector per rank and not n−1.</item>
/// <item>doubling: all contributions are gathered as <see cref="RecursiveDoubling"/> says, and each rank sums for itself.</item>
/// </list>
/// Whichever way, an element is summed as ((r0 + r1) + r2) …, so every rank ends with the same bits. In less than full
/// precision a rank adds its own contribution as its peers see it, and takes the sum of its own segment as they do.
/// </summary>
internal sealed class AllReduce
{
    /// <summary>Values summed at a time: all ranks' pieces together stay in the first-level caches.</summary>
    private const int PieceLength = 2048;

    private readonly Membership _group;
    private readonly MessageLink?[] _messageLinks;
    private readonly WaitLimits _limits;
    private readonly WireFormat? _format;
    private readonly RingBufferSum? _rings;
    private readonly RecursiveDoubling _doubling;
    private readonly int _doublingLimit;
    private readonly int _directLimit;
    private readonly int _windowBytes;
    private readonly byte[]?[] _windows;
    private readonly uint _peers;
    private byte[] _wire = [];

    /// <summary>Prepares sums over a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="limits">How long to wait.</param>
    /// <param name="format">How values travel; null for as they are.</param>
    public AllReduce(Membership group, in WaitLimits limits, WireFormat? format)
    {
        _group = group;
        _messageLinks = group.Messages;
        _limits = limits;
        _format = format;
        _rings = format is null && group.Links.Rings is { } rings ? new RingBufferSum(group, rings, limits) : null;
        _directLimit = AllReduceTuning.DirectBytes(group);
        _doublingLimit = AllReduceTuning.DoublingBytes(group);
        _doubling = new RecursiveDoubling(group, limits);
        _windowBytes = AllReduceTuning.WindowBytes / BlockBytes * BlockBytes;
        _windows = new byte[]?[group.Size];
        _peers = group.Peers;
    }

    private int BlockLength => _format?.BlockLength ?? 1;

    private int BlockBytes => _format?.BlockBytes ?? sizeof(float);

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

        Span<byte> wire = _format is null ? MemoryMarshal.AsBytes(values) : Encode(values);
        Operation reduce = _format?.Reduce ?? Operation.Reduce;
        if (wire.Length <= _doublingLimit)
        {
            SumParts(_doubling.Gather(reduce, wire), wire.Length, values);
            return;
        }

        bool direct = wire.Length <= _directLimit;
        if (direct && _rings is { CanRun: true })
        {
            _rings.Run(values);
            return;
        }

        AllReduceProgress progress = new(values, wire, direct, _group, BlockBytes);
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            _windows[peer] ??= GC.AllocateUninitializedArray<byte>(_windowBytes);
            link.BeginSend(reduce, progress.Wire.Length, progress.Contribution(peer).Length);
            link.BeginReceive(reduce, progress.Wire.Length, progress.Own.Length);
        }

        Patience patience = new(_group, _limits);
        while (true)
        {
            int moved = Send(ref progress) + Receive(ref progress) + Sum(ref progress);
            if (progress.UnfinishedSends == 0 && progress.UnfinishedReceives == 0 && progress.SummedBytes == progress.Own.Length)
            {
                break;
            }

            if (moved > 0)
            {
                patience.Restart();
            }
            else
            {
                patience.WaitOrBlame(progress.AwaitedReceives, progress.AwaitedSends, progress.ReceivesSums);
            }
        }

        if (!direct)
        {
            _format?.Decode(wire, values);
        }
    }

    private Span<byte> Encode(ReadOnlySpan<float> values)
    {
        int count = _format!.ByteCount(values.Length);
        if (_wire.Length < count)
        {
            _wire = GC.AllocateUninitializedArray<byte>((int)BitOperations.RoundUpToPowerOf2((uint)count));
        }

        Span<byte> wire = _wire.AsSpan(0, count);
        _format.Encode(values, wire);
        return wire;
    }

    private int Send(ref AllReduceProgress progress)
    {
        int moved = 0;
        progress.AwaitedSends = 0;
        for (uint rest = progress.UnfinishedSends; rest != 0; rest &= rest - 1)
        {
            uint bit = rest & (0 - rest);
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            ReadOnlySpan<byte> source = (progress.SendsSums & bit) != 0
                ? progress.Own[..progress.SummedBytes]
                : progress.Contribution(peer);
            ReadOnlySpan<byte> body = source[(int)link.Sent..];
            if (body.IsEmpty && !progress.Own.IsEmpty && (progress.SendsSums & bit) != 0)
            {
                continue; // Nothing more is summed yet.
            }

            moved += link.TrySend(body[..Math.Min(body.Length, AllReduceTuning.SendBytes)]);
            if (!link.SendDone)
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
                link.BeginSend(_format?.Reduced ?? Operation.Reduced, progress.Wire.Length, progress.Own.Length);
            }
        }

        return moved;
    }

    private int Receive(ref AllReduceProgress progress)
    {
        int moved = 0;
        progress.AwaitedReceives = 0;
        for (uint rest = progress.UnfinishedReceives; rest != 0; rest &= rest - 1)
        {
            uint bit = rest & (0 - rest);
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            bool receivesSums = (progress.ReceivesSums & bit) != 0;
            Span<byte> body = receivesSums
                ? progress.Contribution(peer)[(int)link.Received..]
                : Room(peer, (int)link.Received, progress);
            if (body.IsEmpty && link.HasWholeHeader)
            {
                continue; // The window is full until the others catch up.
            }

            moved += link.TryReceive(body);
            if (!link.ReceiveDone)
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
                link.BeginReceive(_format?.Reduced ?? Operation.Reduced, progress.Wire.Length, progress.Contribution(peer).Length);
            }
        }

        return moved;
    }

    /// <summary>The free part of a peer's window, up to its end.</summary>
    private Span<byte> Room(int peer, int received, in AllReduceProgress progress)
    {
        Span<byte> window = _windows[peer];
        int at = received % window.Length;
        int room = Math.Min(window.Length - at, progress.SummedBytes + window.Length - received);
        return window.Slice(at, Math.Min(room, progress.Own.Length - received));
    }

    /// <summary>Sums what all ranks have delivered; returns the number of bytes summed.</summary>
    private int Sum(ref AllReduceProgress progress)
    {
        int ready = progress.Own.Length;
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            uint bit = rest & (0 - rest);
            MessageLink link = _messageLinks[BitOperations.TrailingZeroCount(rest)]!;
            if ((progress.ReceivesSums & bit) == 0)
            {
                ready = Math.Min(ready, (int)link.Received);
            }

            if (progress.Direct && _format is null)
            {
                ready = Math.Min(ready, (int)link.Sent); // A value is overwritten by the sum once it is sent.
            }
        }

        ready = ready == progress.Own.Length ? ready : ready / BlockBytes * BlockBytes;
        int from = progress.SummedBytes;
        while (progress.SummedBytes < ready)
        {
            int slot = progress.SummedBytes % _windowBytes;
            int count = Math.Min(Math.Min(ready - progress.SummedBytes, PieceLength / BlockLength * BlockBytes), _windowBytes - slot);
            Span<byte> own = progress.Own.Slice(progress.SummedBytes, count);
            if (_format is null)
            {
                SumPiece(MemoryMarshal.Cast<byte, float>(own), slot);
            }
            else
            {
                SumEncodedPiece(_format, own, progress.OwnValues(progress.SummedBytes, count, _format), slot, progress.Direct);
            }

            progress.SummedBytes += count;
        }

        return ready - from;
    }

    /// <summary>Sums contributions that lie one behind the other.</summary>
    private void SumParts(ReadOnlySpan<byte> parts, int length, Span<float> values)
    {
        for (int rank = 0; rank < _group.Size; rank++)
        {
            ReadOnlySpan<byte> wire = parts.Slice(rank * length, length);
            if (_format is null)
            {
                ReadOnlySpan<float> part = MemoryMarshal.Cast<byte, float>(wire);
                if (rank == 0)
                {
                    part.CopyTo(values);
                }
                else
                {
                    RankOrderSum.Add(values, part, values);
                }
            }
            else if (rank == 0)
            {
                _format.Decode(wire, values);
            }
            else
            {
                _format.Add(wire, values);
            }
        }
    }

    /// <summary>Sums one piece in rank order. The lower ranks' sum grows in rank 0's window, which is free afterwards.</summary>
    private void SumPiece(Span<float> own, int slot)
    {
        int first = 1;
        if (_group.Rank > 0)
        {
            Span<float> sum = Window(0, slot, own.Length);
            for (int peer = 1; peer < _group.Rank; peer++)
            {
                RankOrderSum.Add(sum, Window(peer, slot, own.Length), sum);
            }

            RankOrderSum.Add(sum, own, own);
            first = _group.Rank + 1;
        }

        for (int peer = first; peer < _group.Size; peer++)
        {
            RankOrderSum.Add(own, Window(peer, slot, own.Length), own);
        }
    }

    /// <summary>Sums one piece of less than full precision in rank order, and writes a segment's sum as it will travel.</summary>
    private void SumEncodedPiece(WireFormat format, Span<byte> own, Span<float> sum, int slot, bool direct)
    {
        for (int rank = 0; rank < _group.Size; rank++)
        {
            ReadOnlySpan<byte> wire = rank == _group.Rank ? own : _windows[rank].AsSpan(slot, own.Length);
            if (rank == 0)
            {
                format.Decode(wire, sum);
            }
            else
            {
                format.Add(wire, sum);
            }
        }

        if (!direct)
        {
            format.Encode(sum, own);
        }
    }

    private Span<float> Window(int peer, int slot, int length) =>
        MemoryMarshal.Cast<byte, float>(_windows[peer].AsSpan(slot, length * sizeof(float)));
}
