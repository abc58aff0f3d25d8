using System.Diagnostics.CodeAnalysis;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// The messages to and from one peer: at most one each way at a time, header and payload, moved piece by
/// piece as the link allows.
/// </summary>
/// <param name="links">The links.</param>
/// <param name="peer">The other rank.</param>
internal sealed class MessageLink(LinkGroup links, int peer)
{
    private readonly byte[] _sending = new byte[MessageHeader.Size];
    private readonly byte[] _expected = new byte[MessageHeader.Size];
    private readonly byte[] _received = new byte[MessageHeader.Size];
    private readonly EarlyBytes _early = new();
    private uint _sendSequence;
    private uint _receiveSequence;
    private int _sendHeaderAt = MessageHeader.Size;
    private int _receiveHeaderAt = MessageHeader.Size;
    private long _sendEnd;
    private long _receiveEnd;

    /// <summary>The other rank.</summary>
    public int Peer => peer;

    /// <summary>Bytes of payload sent of the message under way.</summary>
    public long Sent { get; private set; }

    /// <summary>Bytes of payload received of the message under way.</summary>
    public long Received { get; private set; }

    /// <summary>Whether the message under way, if any, is sent whole.</summary>
    public bool SendDone => Sent == _sendEnd && _sendHeaderAt == MessageHeader.Size;

    /// <summary>Whether the message under way, if any, is received whole.</summary>
    public bool ReceiveDone => Received == _receiveEnd && _receiveHeaderAt == MessageHeader.Size;

    /// <summary>Whether the header of the message under way has arrived and is the expected one.</summary>
    public bool HasWholeHeader => _receiveHeaderAt == MessageHeader.Size;

    /// <summary>Whether any of the message under way has arrived.</summary>
    public bool HasSpoken => _receiveHeaderAt > 0;

    /// <summary>Whether nothing of the peer was taken off the link ahead of its time.</summary>
    public bool IsFresh => _early.IsEmpty;

    /// <summary>Begins to send a message.</summary>
    /// <param name="operation">The operation it is part of.</param>
    /// <param name="length">The operation's length in bytes, for the header.</param>
    /// <param name="count">The payload's length in bytes.</param>
    public void BeginSend(Operation operation, long length, long count)
    {
        MessageHeader.Write(_sending, _sendSequence++, links.Epoch, operation, length);
        _sendHeaderAt = 0;
        Sent = 0;
        _sendEnd = count;
    }

    /// <summary>Begins to receive a message.</summary>
    /// <param name="operation">The operation it must be part of.</param>
    /// <param name="length">The operation's length in bytes, as the header must say.</param>
    /// <param name="count">The payload's length in bytes.</param>
    public void BeginReceive(Operation operation, long length, long count)
    {
        MessageHeader.Write(_expected, _receiveSequence++, links.Epoch, operation, length);
        _receiveHeaderAt = 0;
        Received = 0;
        _receiveEnd = count;
    }

    /// <summary>Sends what the wire takes.</summary>
    /// <param name="body">The payload from <see cref="Sent"/> on, as far as it is ready.</param>
    /// <returns>The number of bytes moved, header included.</returns>
    /// <exception cref="PeerLostException">The wire is closed.</exception>
    public int TrySend(ReadOnlySpan<byte> body)
    {
        int moved = links.TrySend(peer, _sending.AsSpan(_sendHeaderAt), body);
        if (moved <= 0)
        {
            if (moved < 0)
            {
                GiveUp();
            }

            return 0;
        }

        int header = Math.Min(moved, MessageHeader.Size - _sendHeaderAt);
        _sendHeaderAt += header;
        Sent += moved - header;
        return moved;
    }

    /// <summary>Receives what is there.</summary>
    /// <param name="body">Where the payload from <see cref="Received"/> on goes, as far as there is room.</param>
    /// <returns>The number of bytes moved, header included.</returns>
    /// <exception cref="PeerLostException">The wire is closed.</exception>
    /// <exception cref="ProtocolException">The message is not the expected one; the group has ended.</exception>
    public int TryReceive(Span<byte> body)
    {
        Span<byte> head = _received.AsSpan(_receiveHeaderAt);
        int moved = _early.IsEmpty ? links.TryReceive(peer, head, body) : _early.Take(head, body);
        if (moved <= 0)
        {
            if (moved < 0)
            {
                GiveUp();
            }

            return 0;
        }

        int header = Math.Min(moved, MessageHeader.Size - _receiveHeaderAt);
        if (header > 0)
        {
            _receiveHeaderAt += header;
            if (_receiveHeaderAt == MessageHeader.Size && !_received.AsSpan().SequenceEqual(_expected))
            {
                Refuse();
            }
        }

        Received += moved - header;
        return moved;
    }

    /// <summary>Notes that payload was read where it lies on the wire.</summary>
    /// <param name="count">How many bytes.</param>
    public void Skip(int count) => Received += count;

    /// <summary>Takes what is there off the wire, to be received later.</summary>
    /// <returns>The number of bytes taken, or <see cref="LinkGroup.Closed"/> when no more can be.</returns>
    public int TakeEarly()
    {
        Span<byte> room = _early.Room();
        int moved = room.IsEmpty ? LinkGroup.Closed : links.TryReceive(peer, [], room);
        _early.Add(Math.Max(moved, 0));
        return moved;
    }

    /// <summary>Says whether something can be received, without receiving it.</summary>
    /// <returns>1 or 0, or <see cref="LinkGroup.Closed"/>.</returns>
    public int Peek() => _early.IsEmpty ? links.Peek(peer) : 1;

    /// <summary>Ends the group because the link is closed.</summary>
    /// <exception cref="PeerLostException">Always, unless this rank left itself.</exception>
    [DoesNotReturn]
    public void GiveUp()
    {
        if (links.Ending is null)
        {
            links.End(links.Explain(peer));
        }

        links.ThrowEnded();
    }

    private void Refuse()
    {
        // Where the group is dead already, what lies in the links is the rest of an operation that others gave up.
        links.Wait(0, 0, 0);
        if (links.Ending is not null)
        {
            links.ThrowEnded();
        }

        string mismatch = $"rank {links.Rank} expected {MessageHeader.Describe(_expected)} from rank {peer}, "
            + $"found {MessageHeader.Describe(_received)}";
        links.End(new Ending(peer, "the ranks disagree: " + mismatch));
        throw new ProtocolException($"The ranks do not call the same operations: {mismatch}.");
    }
}
