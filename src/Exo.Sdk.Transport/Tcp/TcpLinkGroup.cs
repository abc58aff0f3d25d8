using System.Collections;
using System.Diagnostics;
using System.Net.Sockets;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>
/// The links of one rank over TCP: to each peer a data connection, and a signal connection that carries at most
/// one <see cref="GroupNotice"/> each way in its life.
/// </summary>
internal sealed class TcpLinkGroup : LinkGroup
{
    private const int ExplanationMilliseconds = 250;

    private readonly TcpLink?[] _data;
    private readonly TcpLink?[] _signals;
    private readonly byte[]?[] _notices;
    private readonly int[] _noticeAt;
    private readonly NativeSocket.PollEntry[]? _poll;
    private readonly ArrayList? _readable;
    private readonly ArrayList? _writable;
    private uint _listening;
    private uint _departed;

    /// <summary>Takes over connected links.</summary>
    /// <param name="group">The group.</param>
    /// <param name="data">The data link to each rank; none at this rank.</param>
    /// <param name="signals">The signal link to each rank; none at this rank.</param>
    /// <param name="native">Whether waits use the system's poll.</param>
    public TcpLinkGroup(GroupDescription group, TcpLink?[] data, TcpLink?[] signals, bool native)
        : base(group.Rank, group.Size, group.Epoch)
    {
        _data = data;
        _signals = signals;
        IsOneMachine = TcpAddress.CountOnSameHost(group.Addresses, group.Addresses[0]) == group.Size;
        _notices = new byte[]?[group.Size];
        _noticeAt = new int[group.Size];
        for (int peer = 0; peer < group.Size; peer++)
        {
            if (peer != group.Rank)
            {
                _notices[peer] = new byte[GroupNotice.ByteCount];
                _listening |= 1u << peer;
            }
        }

        if (native)
        {
            _poll = new NativeSocket.PollEntry[2 * group.Size];
        }
        else
        {
            _readable = new ArrayList(2 * group.Size);
            _writable = new ArrayList(group.Size);
        }
    }

    /// <inheritdoc/>
    public override bool IsOneMachine { get; }

    /// <inheritdoc/>
    public override uint Departed => _departed;

    /// <inheritdoc/>
    public override int TrySend(int peer, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body) => _data[peer]!.TrySend(head, body);

    /// <inheritdoc/>
    public override int TryReceive(int peer, Span<byte> head, Span<byte> body) => _data[peer]!.TryReceive(head, body);

    /// <inheritdoc/>
    public override int Peek(int peer) => _data[peer]!.Peek();

    /// <inheritdoc/>
    public override void Wait(uint receiveFrom, uint sendTo, int milliseconds)
    {
        if (_poll is null)
        {
            Select(receiveFrom, sendTo, milliseconds);
        }
        else
        {
            int count = 0;
            for (int peer = 0; peer < Size; peer++)
            {
                uint bit = 1u << peer;
                int events = ((receiveFrom & bit) != 0 ? NativeSocket.PollIn : 0) | ((sendTo & bit) != 0 ? NativeSocket.PollOut : 0);
                if (events != 0)
                {
                    _poll[count++] = new NativeSocket.PollEntry { Descriptor = _data[peer]!.Descriptor, Events = (short)events };
                }

                if ((_listening & bit) != 0)
                {
                    _poll[count++] = new NativeSocket.PollEntry { Descriptor = _signals[peer]!.Descriptor, Events = NativeSocket.PollIn };
                }
            }

            NativeSocket.Poll(_poll.AsSpan(0, count), milliseconds);
        }

        ReadSignals();
    }

    /// <inheritdoc/>
    public override Ending Explain(int peer)
    {
        // The notice travels on a connection of its own and may be behind the end of the data.
        long start = Stopwatch.GetTimestamp();
        ReadSignals();
        while (true)
        {
            if (Ending is { } ending)
            {
                return ending;
            }

            if ((_departed >> peer & 1) != 0)
            {
                return new Ending(peer, "it left the group");
            }

            if (Stopwatch.GetElapsedTime(start).TotalMilliseconds > ExplanationMilliseconds)
            {
                return new Ending(peer, _data[peer]!.ClosingReason);
            }

            Wait(0, 0, 10);
        }
    }

    /// <inheritdoc/>
    protected override void Disconnect(Ending ending)
    {
        Span<byte> notice = stackalloc byte[GroupNotice.ByteCount];
        new GroupNotice(ending.IsDisposal, ending.LostRank, ending.Reason).Write(notice);
        for (int peer = 0; peer < Size; peer++)
        {
            _signals[peer]?.TrySend(notice, []);
        }

        for (int peer = 0; peer < Size; peer++)
        {
            _data[peer]?.Cut();
            _signals[peer]?.Cut();
        }
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        for (int peer = 0; peer < Size; peer++)
        {
            _data[peer]?.Dispose();
            _signals[peer]?.Dispose();
        }
    }

    /// <summary>Takes what the peers have signaled. A signal connection that ends without a notice is a dead peer.</summary>
    private void ReadSignals()
    {
        for (int peer = 0; peer < Size; peer++)
        {
            if ((_listening >> peer & 1) == 0)
            {
                continue;
            }

            int received = _signals[peer]!.TryReceive([], _notices[peer].AsSpan(_noticeAt[peer]));
            if (received == 0)
            {
                continue;
            }

            _noticeAt[peer] += Math.Max(received, 0);
            if (received > 0 && _noticeAt[peer] < GroupNotice.ByteCount)
            {
                continue;
            }

            _listening &= ~(1u << peer);
            if (received < 0 || !GroupNotice.TryRead(_notices[peer], Size, out GroupNotice notice))
            {
                End(new Ending(peer, received < 0 ? _signals[peer]!.ClosingReason : "it sent a damaged notice"));
            }
            else if (notice.IsGoodbye)
            {
                // Not the end yet: what the peer sent before it left may still be wanted.
                _departed |= 1u << peer;
            }
            else
            {
                End(Passed(notice, peer));
            }
        }
    }

    private Ending Passed(GroupNotice notice, int messenger) => notice.LostRank == Rank
        ? new Ending(Rank, $"rank {messenger} gave this rank up: {notice.Reason}")
        : new Ending(notice.LostRank, notice.LostRank == messenger ? notice.Reason : $"{notice.Reason} (noticed by rank {messenger})");

    private void Select(uint receiveFrom, uint sendTo, int milliseconds)
    {
        _readable!.Clear();
        _writable!.Clear();
        for (int peer = 0; peer < Size; peer++)
        {
            uint bit = 1u << peer;
            if ((receiveFrom & bit) != 0)
            {
                _readable.Add(_data[peer]!.Socket);
            }

            if ((sendTo & bit) != 0)
            {
                _writable.Add(_data[peer]!.Socket);
            }

            if ((_listening & bit) != 0)
            {
                _readable.Add(_signals[peer]!.Socket);
            }
        }

        if (_readable.Count + _writable.Count > 0)
        {
            Socket.Select(_readable, _writable, null, milliseconds * 1000);
        }
    }
}
