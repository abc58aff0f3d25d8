using System.Numerics;
using System.Runtime.InteropServices;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// The direct sum over rings in memory: every rank writes its contribution into the ring to each peer, and adds the
/// peers' contributions where they lie in the rings, without a copy. On the wire it is the direct sum of
/// <see cref="AllReduce"/>, so that a rank may take either way.
/// </summary>
internal sealed class RingBufferSum
{
    /// <summary>
    /// Bytes written to a ring before this rank looks at what has arrived: a large sum then runs in step with the
    /// peers, in the second-level caches.
    /// </summary>
    private const int ChunkBytes = 32 << 10;

    private readonly Membership _group;
    private readonly RingLinkGroup _rings;
    private readonly MessageLink?[] _messageLinks;
    private readonly WaitLimits _limits;
    private readonly uint _peers;

    /// <summary>Prepares sums over a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="rings">Its links.</param>
    /// <param name="limits">How long to wait.</param>
    public RingBufferSum(Membership group, RingLinkGroup rings, in WaitLimits limits)
    {
        _group = group;
        _rings = rings;
        _messageLinks = group.Messages;
        _peers = group.Peers;
        _limits = limits;
    }

    /// <summary>Whether nothing of the contributions can have left the rings already.</summary>
    public bool CanRun
    {
        get
        {
            for (uint rest = _peers; rest != 0; rest &= rest - 1)
            {
                if (!_messageLinks[BitOperations.TrailingZeroCount(rest)]!.IsFresh)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Replaces the values by their sum over all ranks.</summary>
    /// <param name="values">Equal in length on every rank.</param>
    /// <exception cref="PeerLostException">A rank is lost.</exception>
    /// <exception cref="ProtocolException">A rank calls something else.</exception>
    public void Run(Span<float> values)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            MessageLink link = _messageLinks[BitOperations.TrailingZeroCount(rest)]!;
            link.BeginSend(Operation.Reduce, bytes.Length, bytes.Length);
            link.BeginReceive(Operation.Reduce, bytes.Length, bytes.Length);
        }

        Patience patience = new(_group, _limits);
        uint unsent = _peers;
        uint unheard = _peers;
        int summed = 0;
        while (true)
        {
            int moved = Send(bytes, ref unsent) + ReceiveHeaders(ref unheard);
            uint awaited = unheard;
            if (unheard == 0)
            {
                moved += Sum(values, ref summed, ref awaited);
                if (unsent == 0 && summed == values.Length)
                {
                    return;
                }
            }

            if (moved > 0)
            {
                patience.Restart();
            }
            else
            {
                patience.WaitOrBlame(awaited, unsent);
            }
        }
    }

    private int Send(ReadOnlySpan<byte> bytes, ref uint unsent)
    {
        int moved = 0;
        for (uint rest = unsent; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            ReadOnlySpan<byte> body = bytes[(int)link.Sent..];
            moved += link.TrySend(body[..Math.Min(body.Length, ChunkBytes)]);
            unsent &= link.SendDone ? ~(1u << peer) : uint.MaxValue;
        }

        return moved;
    }

    private int ReceiveHeaders(ref uint unheard)
    {
        int moved = 0;
        for (uint rest = unheard; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            moved += link.TryReceive([]);
            unheard &= link.HasWholeHeader ? ~(1u << peer) : uint.MaxValue;
        }

        return moved;
    }

    /// <summary>Sums what all ranks have delivered; returns the number of values summed.</summary>
    private int Sum(Span<float> values, ref int summed, ref uint awaited)
    {
        int ready = values.Length;
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            MessageLink link = _messageLinks[peer]!;
            int there = _rings.Available(_group.LinkRankOf(peer));
            if (there < 0)
            {
                there = 0;
                if (summed < values.Length)
                {
                    link.GiveUp();
                }
            }

            int until = (int)Math.Min(values.Length, summed + (uint)(there / sizeof(float)));
            awaited |= until < values.Length ? 1u << peer : 0;
            ready = Math.Min(ready, Math.Min(until, (int)link.Sent / sizeof(float))); // A value is overwritten once it is sent.
        }

        int count = ready - summed;
        if (count <= 0)
        {
            return 0;
        }

        SumPieces(values.Slice(summed, count));
        for (uint rest = _peers; rest != 0; rest &= rest - 1)
        {
            int peer = BitOperations.TrailingZeroCount(rest);
            _rings.Take(_group.LinkRankOf(peer), count * sizeof(float));
            _messageLinks[peer]!.Skip(count * sizeof(float));
        }

        summed = ready;
        return count;
    }

    /// <summary>Adds the rings' next values to this rank's own, in rank order, in as many pieces as the rings' ends make of them.</summary>
    private unsafe void SumPieces(Span<float> own)
    {
        float** sources = stackalloc float*[_group.Size];
        float* split = stackalloc float[_group.Size];
        fixed (float* values = own)
        {
            for (int at = 0; at < own.Length;)
            {
                int run = own.Length - at;
                for (int rank = 0; rank < _group.Size; rank++)
                {
                    sources[rank] = values + at;
                    if (rank != _group.Rank)
                    {
                        sources[rank] = (float*)_rings.Reader(_group.LinkRankOf(rank)).Piece(at * sizeof(float), out int bytes);
                        run = Math.Min(run, bytes / sizeof(float));
                    }
                }

                for (int rank = 0; run == 0 && rank < _group.Size; rank++)
                {
                    // One value lies across a ring's end: behind a message of odd length they are not aligned.
                    if (rank != _group.Rank)
                    {
                        _rings.Reader(_group.LinkRankOf(rank)).CopyOut(at * sizeof(float), new Span<byte>(split + rank, sizeof(float)));
                        sources[rank] = split + rank;
                    }
                }

                RankOrderSum.Sum(sources, _group.Size, values + at, Math.Max(run, 1));
                at += Math.Max(run, 1);
            }
        }
    }
}
