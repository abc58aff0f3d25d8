using System.Diagnostics;
using System.Runtime.CompilerServices;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Rdma.Pairs;

namespace Exo.Sdk.Rdma.Links;

/// <summary>
/// The queue pair to one peer, as an ordered byte channel: bytes are written into registered slots and sent from there,
/// and received into registered slots and read from there. One thread at a time.
/// </summary>
internal sealed unsafe class PeerLink : IDisposable
{
    private const int Batch = 32;

    private readonly LinkDevice _device;
    private readonly LocalPort _port;
    private readonly PairTerms _terms;
    private readonly PairHandle _pair;
    private readonly long _base;
    private readonly int _payload;
    private readonly uint _outMark;
    private readonly uint _inMark;
    private readonly ReceiveWindow _received;
    private readonly Stack<int> _free = [];
    private readonly bool[] _reportOpen = new bool[PairTerms.Spare];
    private SendWindow _sent;
    private int _posted;
    private int _readAt;
    private bool _isRefusal;

    /// <summary>Makes the queue pair and posts its receives.</summary>
    /// <param name="peer">The other rank.</param>
    /// <param name="group">The group.</param>
    /// <param name="device">The device, whose slab holds the slots.</param>
    /// <param name="port">The device's port.</param>
    /// <param name="terms">What the two ranks agreed on.</param>
    /// <param name="slabOffset">Where in the slab this pair's slots begin.</param>
    /// <exception cref="UnavailableException">The device refuses.</exception>
    public PeerLink(int peer, GroupDescription group, LinkDevice device, LocalPort port, in PairTerms terms, long slabOffset)
    {
        Peer = peer;
        _device = device;
        _port = port;
        _terms = terms;
        _base = slabOffset;
        _payload = terms.SlotBytes - SlotHeader.ByteCount;
        _outMark = SlotHeader.MarkOf(group.Epoch, group.Rank, peer);
        _inMark = SlotHeader.MarkOf(group.Epoch, peer, group.Rank);
        _received = new ReceiveWindow(terms.Depth);
        _sent = new SendWindow(terms.Depth, terms.Depth + PairTerms.Spare, !terms.IsReliable);
        int wanted = terms.Depth + PairTerms.Spare;
        _pair = PairHandle.Create(device.Queue, terms.IsReliable, port.Number, wanted * terms.FramesPerSlot, wanted * terms.FramesPerSlot);

        // Where the device counts in frames, it grants so many slots.
        Receives = Math.Min(wanted, _pair.Info.ReceiveCapacity / terms.FramesPerSlot);
        if (Receives <= PairTerms.Spare)
        {
            int granted = _pair.Info.ReceiveCapacity;
            _pair.Dispose();
            throw new UnavailableException(
                $"RDMA device {device.Name} grants a queue of {granted} work requests; slots of {terms.SlotBytes} bytes need more than {PairTerms.Spare * terms.FramesPerSlot}. Use smaller slots.");
        }

        for (int slot = (2 * terms.Depth) + PairTerms.Spare - 1; slot >= 0; slot--)
        {
            _free.Push(slot);
        }

        Restock();
        if (Failure is { } refusal)
        {
            _pair.Dispose();
            throw new UnavailableException($"RDMA device {device.Name} takes no receives: {refusal}.");
        }
    }

    /// <summary>The other rank.</summary>
    public int Peer { get; }

    /// <summary>The device's name.</summary>
    public string DeviceName => _device.Name;

    /// <summary>The queue pair's number.</summary>
    public uint Number => _pair.Info.Number;

    /// <summary>How many receives are kept posted.</summary>
    public int Receives { get; }

    /// <summary>The terms with this peer.</summary>
    public ref readonly PairTerms Terms => ref _terms;

    /// <summary>Whether anything has ever arrived.</summary>
    public bool HasHeard { get; private set; }

    /// <summary>Why the pair is broken, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether the peer broke the protocol, where <see cref="Failure"/> is set.</summary>
    public bool IsPeersFault { get; private set; }

    /// <summary>Whether bytes wait to be read.</summary>
    public bool HasBytes => _received.First() >= 0;

    /// <summary>Whether at least one message could be sent.</summary>
    public bool HasRoom => _sent.HasRoom;

    /// <summary>Whether everything sent has arrived and the device is done with it.</summary>
    public bool IsSettled => _sent.IsSettled && !_sent.HasOpen() && !_reportOpen.AsSpan().Contains(true);

    /// <summary>Whether a timer may have to run.</summary>
    public bool IsWaiting => !_sent.IsSettled || _received.OwesReport;

    /// <summary>Messages sent again because they were lost, or seemed to be.</summary>
    public long Repeated => _sent.Repeated;

    /// <summary>Messages that came more than once.</summary>
    public long Repeats => _received.Repeats;

    /// <summary>Connects with the peer's queue pair.</summary>
    /// <param name="port">The peer's port.</param>
    /// <param name="card">The peer's queue pair.</param>
    /// <param name="firstPacket">The packet number that this side starts with.</param>
    /// <exception cref="UnavailableException">The device refuses.</exception>
    public void Connect(in OfferedPort port, in PairCard card, uint firstPacket)
    {
        ShimRoute route = new()
        {
            RemoteGid = port.Gid,
            RemoteNumber = card.Number,
            RemoteFirstPacket = card.FirstPacket,
            LocalFirstPacket = firstPacket,
            Mtu = _terms.Mtu,
            GidIndex = _port.GidIndex,
        };
        Shim.Check(Shim.ConnectPair(_pair, route, out ShimError error), error);
        int receives = Math.Min(card.Receives, _terms.Depth + PairTerms.Spare);
        _sent = new SendWindow(receives - PairTerms.Spare, receives, !_terms.IsReliable);
    }

    /// <summary>Sends what there is room for of two spans, one behind the other.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="body">The bytes behind them.</param>
    /// <returns>The number of bytes taken.</returns>
    public int Send(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        ShimWork* batch = stackalloc ShimWork[Batch];
        long now = Stopwatch.GetTimestamp();
        int taken = 0;
        int count = 0;
        while (taken < head.Length + body.Length && _sent.HasRoom && Failure is null)
        {
            int slot = _sent.Send(now, out uint transmission);
            Span<byte> payload = Payload(slot);
            int first = 0;
            if (taken < head.Length)
            {
                first = Math.Min(head.Length - taken, payload.Length);
                head.Slice(taken, first).CopyTo(payload);
            }

            int from = taken + first - head.Length;
            int second = Math.Min(body.Length - from, payload.Length - first);
            if (second > 0)
            {
                body.Slice(from, second).CopyTo(payload[first..]);
            }

            int length = first + Math.Max(second, 0);
            taken += length;
            ref SlotHeader header = ref Header(slot);
            header.Mark = _outMark;
            header.Kind = SlotHeader.Data;
            header.Length = (uint)length;
            header.Sequence = _sent.Next - 1;
            Stamp(ref header, transmission);
            batch[count++] = SendWork(LinkDevice.Work.Data, slot, slot, length);
            if (count == Batch)
            {
                PostSends(batch, ref count);
            }
        }

        PostSends(batch, ref count);
        return taken;
    }

    /// <summary>Reads what is there into two spans, one behind the other.</summary>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled next.</param>
    /// <returns>The number of bytes.</returns>
    public int Read(Span<byte> head, Span<byte> body)
    {
        int total = 0;
        int headAt = 0;
        int bodyAt = 0;
        while (_received.First() is var slot && slot >= 0 && (headAt < head.Length || bodyAt < body.Length))
        {
            int at = ReceiveSlot(slot);
            ReadOnlySpan<byte> rest = Payload(at)[_readAt..(int)Header(at).Length];
            int first = Math.Min(rest.Length, head.Length - headAt);
            rest[..first].CopyTo(head[headAt..]);
            int second = Math.Min(rest.Length - first, body.Length - bodyAt);
            rest.Slice(first, second).CopyTo(body[bodyAt..]);
            headAt += first;
            bodyAt += second;
            _readAt += first + second;
            total += first + second;
            if (first + second < rest.Length)
            {
                break;
            }

            _readAt = 0;
            _received.Consume();
            _free.Push(slot);
        }

        return total;
    }

    /// <summary>Takes note of finished work.</summary>
    /// <param name="work">What it is.</param>
    /// <param name="slot">Its slot.</param>
    /// <param name="length">The bytes that arrived, for a receive.</param>
    public void Complete(LinkDevice.Work work, int slot, uint length)
    {
        switch (work)
        {
            case LinkDevice.Work.Receive:
                _posted--;
                if (Judge(slot, length) is { } problem)
                {
                    IsPeersFault = Failure is null;
                    Fail(problem);
                }

                break;
            case LinkDevice.Work.Report:
                _reportOpen[slot] = false;
                break;
            default:
                if (!_sent.Complete(slot))
                {
                    Fail("the device completed work that it was not given");
                }

                break;
        }
    }

    /// <summary>Notes that the pair is broken. The first reason is kept, but a completion tells more than a refused post.</summary>
    /// <param name="reason">Why, as a phrase.</param>
    /// <param name="isRefusal">Whether it is a refused post.</param>
    public void Fail(string reason, bool isRefusal = false)
    {
        if (Failure is null || (_isRefusal && !isRefusal))
        {
            Failure = reason;
            _isRefusal = isRefusal;
        }
    }

    /// <summary>Posts receives, sends lost messages again, and reports where the peer waits for it.</summary>
    /// <param name="flush">Whether to report all that is owed, as before falling asleep.</param>
    public void Tend(bool flush)
    {
        Restock();
        long now = Stopwatch.GetTimestamp();
        ShimWork* batch = stackalloc ShimWork[Batch];
        int count = 0;
        while (_sent.FindLost(now) is var slot && slot >= 0)
        {
            _sent.Repeat(slot, now, out uint transmission);
            ref SlotHeader header = ref Header(slot);
            Stamp(ref header, transmission);
            batch[count++] = SendWork(LinkDevice.Work.Data, slot, slot, (int)header.Length);
            if (count == Batch)
            {
                PostSends(batch, ref count);
            }
        }

        PostSends(batch, ref count);
        if (flush ? _received.OwesReport : _received.OwesReportNow)
        {
            SendReport();
        }
    }

    /// <summary>Sends a message without data, where there is room.</summary>
    public void SendReport()
    {
        int index = Array.IndexOf(_reportOpen, false);
        if (index < 0 || !_sent.HasRoomForReport || Failure is not null)
        {
            return;
        }

        _reportOpen[index] = true;
        int slot = _terms.Depth + index;
        ref SlotHeader header = ref Header(slot);
        header = new SlotHeader { Mark = _outMark, Kind = SlotHeader.Report };
        Stamp(ref header, _sent.SendReport());
        ShimWork work = SendWork(LinkDevice.Work.Report, index, slot, 0);
        int count = 1;
        PostSends(&work, ref count);
    }

    /// <inheritdoc/>
    public void Dispose() => _pair.Dispose();

    /// <summary>Checks a message and files it; returns what is wrong with it, or null.</summary>
    private string? Judge(int slot, uint length)
    {
        int at = ReceiveSlot(slot);
        ref SlotHeader header = ref Header(at);
        uint expected = _terms.PadsMessages ? (uint)_terms.SlotBytes : header.Length + SlotHeader.ByteCount;
        bool hasData = header.Kind == SlotHeader.Data;
        if (length < SlotHeader.ByteCount
            || header.Mark != _inMark
            || (!hasData && header.Kind != SlotHeader.Report)
            || header.Length > (uint)_payload
            || (header.Length == 0) == hasData
            || length != expected)
        {
            return $"a message of {length} bytes arrived that is not one of this group (mark {header.Mark:X8}, length {header.Length})";
        }

        HasHeard = true;
        if (!_sent.Take(header, Stopwatch.GetTimestamp()))
        {
            return $"it acknowledges message {header.Acknowledged} and transmission {header.Seen}, of {_sent.Next} and {_sent.NextTransmission} sent";
        }

        _received.Note(header.Transmission, hasData);
        Arrival arrival = hasData ? _received.Keep(header.Sequence, slot) : Arrival.Repeated;
        if (arrival != Arrival.Kept)
        {
            _free.Push(slot);
        }

        return arrival == Arrival.Refused
            ? $"message {header.Sequence} arrived where {_received.Consumed} to {_received.Consumed + (uint)_terms.Depth - 1} are allowed"
            : null;
    }

    private void Restock()
    {
        ShimWork* batch = stackalloc ShimWork[Batch];
        while (_posted < Receives && _free.Count > 0 && Failure is null)
        {
            int count = 0;
            while (count < Batch && _posted + count < Receives && _free.TryPop(out int slot))
            {
                batch[count++] = new ShimWork
                {
                    Id = LinkDevice.Id(LinkDevice.Work.Receive, Peer, slot),
                    Offset = (ulong)(_base + ((long)ReceiveSlot(slot) * _terms.SlotBytes)),
                    Length = (uint)_terms.SlotBytes,
                };
            }

            ShimError error;
            ShimCode code = Shim.PostReceives(_pair, _device.Slab, batch, count, out int posted, &error);
            _posted += posted;
            if (code != ShimCode.Ok)
            {
                Fail(error.Message, isRefusal: true);
            }
        }
    }

    private void PostSends(ShimWork* batch, ref int count)
    {
        if (count > 0)
        {
            ShimError error;
            if (Shim.PostSends(_pair, _device.Slab, batch, count, out _, &error) != ShimCode.Ok)
            {
                Fail(error.Message, isRefusal: true);
            }

            count = 0;
        }
    }

    private ShimWork SendWork(LinkDevice.Work work, int index, int slot, int length) => new()
    {
        Id = LinkDevice.Id(work, Peer, index),
        Offset = (ulong)(_base + ((long)slot * _terms.SlotBytes)),
        Length = (uint)(_terms.PadsMessages ? _terms.SlotBytes : SlotHeader.ByteCount + length),
    };

    private void Stamp(ref SlotHeader header, uint transmission)
    {
        header.Transmission = transmission;
        _received.Report(ref header);
    }

    private int ReceiveSlot(int slot) => _terms.Depth + PairTerms.Spare + slot;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref SlotHeader Header(int slot) =>
        ref Unsafe.AsRef<SlotHeader>(_device.Slab.Address + _base + ((long)slot * _terms.SlotBytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Payload(int slot) =>
        new(_device.Slab.Address + _base + ((long)slot * _terms.SlotBytes) + SlotHeader.ByteCount, _payload);
}
