using System.Collections;
using System.Diagnostics;
using System.Net.Sockets;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>
/// Connects one rank with all others: the higher rank of each pair dials, the lower one accepts. One thread
/// drives all handshakes; strangers, garbage and slow connections are dropped one by one and disturb nobody.
/// </summary>
internal sealed class TcpRendezvous : IDisposable
{
    /// <summary>Connections that may be inside a handshake at a time; the oldest gives way to a newcomer.</summary>
    public const int MaxPending = 64;

    private const int SliceMilliseconds = 20;
    private static readonly TimeSpan RedialPause = TimeSpan.FromMilliseconds(20);

    private readonly Socket _listener;
    private readonly GroupDescription _group;
    private readonly TimeSpan _handshakeTimeout;
    private readonly bool _native;
    private readonly List<TcpHandshake> _accepted = [];
    private readonly List<Call> _calls = [];
    private readonly TcpLink?[] _data;
    private readonly TcpLink?[] _signals;
    private int _missing;
    private int _dropped;
    private string _lastDrop = "";
    private bool _dropTellsWhy;

    /// <summary>Prepares to connect.</summary>
    /// <param name="listener">A listening, non-blocking socket; it stays the caller's.</param>
    /// <param name="group">The group.</param>
    /// <param name="handshakeTimeout">How long an accepted connection may take to prove itself.</param>
    /// <param name="native">Whether links use the system's calls.</param>
    public TcpRendezvous(Socket listener, GroupDescription group, TimeSpan handshakeTimeout, bool native)
    {
        _listener = listener;
        _group = group;
        _handshakeTimeout = handshakeTimeout;
        _native = native;
        _data = new TcpLink?[group.Size];
        _signals = new TcpLink?[group.Size];
        _missing = 2 * (group.Size - 1);
        for (int peer = 0; peer < group.Rank; peer++)
        {
            _calls.Add(new Call(peer, ConnectionKind.Data));
            _calls.Add(new Call(peer, ConnectionKind.Signal));
        }
    }

    /// <summary>Connects; blocks the calling thread.</summary>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connected links.</returns>
    /// <exception cref="PeerLostException">A peer did not show up in time.</exception>
    /// <exception cref="ProtocolException">A peer speaks another version, epoch or secret.</exception>
    public TcpLinkGroup Run(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (_missing > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Stopwatch.GetElapsedTime(start) > _group.ConnectTimeout)
            {
                throw Timeout();
            }

            Redial();
            AdvanceReady();
            AcceptAll();
            Settle();
        }

        return new TcpLinkGroup(_group, _data, _signals, _native);
    }

    /// <summary>Closes what is still inside a handshake.</summary>
    public void Dispose()
    {
        _accepted.ForEach(handshake => handshake.Dispose());
        _calls.ForEach(call => call.Handshake?.Dispose());
    }

    /// <summary>Closes the links of an attempt that failed.</summary>
    public void Abandon()
    {
        for (int peer = 0; peer < _group.Size; peer++)
        {
            _data[peer]?.Dispose();
            _signals[peer]?.Dispose();
        }
    }

    private void Redial()
    {
        foreach (Call call in _calls)
        {
            if (call.Handshake is null && LinksOf(call.Channel)[call.Peer] is null
                && Stopwatch.GetElapsedTime(call.FailedAt) >= RedialPause)
            {
                call.Handshake = TcpHandshake.Dial(TcpAddress.Resolve(_group.Addresses[call.Peer]), _group, call.Peer, call.Channel);
            }
        }
    }

    /// <summary>Waits for sockets and lets their handshakes go on.</summary>
    private void AdvanceReady()
    {
        ArrayList readable = [_listener];
        ArrayList writable = [];
        ArrayList failed = [];
        Dictionary<Socket, TcpHandshake> open = [];
        foreach (TcpHandshake handshake in _accepted.Concat(_calls.Select(call => call.Handshake).OfType<TcpHandshake>()))
        {
            open.Add(handshake.Socket, handshake);
            if (handshake.State == HandshakeState.Reading)
            {
                readable.Add(handshake.Socket);
            }
            else if (handshake.State == HandshakeState.Connecting)
            {
                writable.Add(handshake.Socket);
                failed.Add(handshake.Socket); // Where Windows reports a refused connection.
            }
        }

        Socket.Select(readable, writable, failed, SliceMilliseconds * 1000);
        foreach (Socket socket in readable.Cast<Socket>().Concat(writable.Cast<Socket>()).Concat(failed.Cast<Socket>()).Distinct())
        {
            if (open.TryGetValue(socket, out TcpHandshake? handshake))
            {
                handshake.Advance();
            }
        }
    }

    private void AcceptAll()
    {
        for (int accepted = 0; accepted < MaxPending && _listener.Poll(0, SelectMode.SelectRead); accepted++)
        {
            Socket socket;
            try
            {
                socket = _listener.Accept();
            }
            catch (SocketException)
            {
                return; // The connection is gone again, or this process has no descriptor left: try later.
            }

            if (_accepted.Count == MaxPending)
            {
                Drop(_accepted[0], "it was the oldest of too many unfinished connections");
            }

            try
            {
                _accepted.Add(TcpHandshake.Accept(socket, _group));
            }
            catch (SocketException)
            {
                socket.Dispose();
            }
        }
    }

    /// <summary>Takes the links of finished handshakes and closes those that failed or took too long.</summary>
    private void Settle()
    {
        foreach (TcpHandshake handshake in _accepted.ToArray())
        {
            if (handshake.State == HandshakeState.Done)
            {
                _accepted.Remove(handshake);
                Adopt(handshake);
            }
            else if (handshake.State != HandshakeState.Reading)
            {
                Drop(handshake, handshake.Problem);
            }
            else if (Stopwatch.GetElapsedTime(handshake.StartedAt) > _handshakeTimeout)
            {
                Drop(handshake, "it did not prove itself in time");
            }
        }

        foreach (Call call in _calls)
        {
            switch (call.Handshake?.State)
            {
                case HandshakeState.Done:
                    Adopt(call.Handshake);
                    call.Handshake = null;
                    break;
                case HandshakeState.Refused:
                    throw Refusal(call, call.Handshake.Problem);
                case HandshakeState.Failed:
                    if (call.Handshake.Disagrees || !call.Disagrees)
                    {
                        call.Problem = call.Handshake.Problem; // An older epoch tells more than a connection cut later.
                    }

                    call.Disagrees |= call.Handshake.Disagrees;
                    call.FailedAt = Stopwatch.GetTimestamp();
                    call.Handshake.Dispose();
                    call.Handshake = null;
                    break;
            }
        }
    }

    private void Adopt(TcpHandshake handshake)
    {
        TcpLink?[] links = LinksOf(handshake.Channel);
        if (links[handshake.Peer] is { } earlier)
        {
            earlier.Dispose(); // The peer, proved again, gave up its first connection.
        }
        else
        {
            _missing--;
        }

        links[handshake.Peer] = new TcpLink(handshake.TakeSocket(), _native);
    }

    private void Drop(TcpHandshake handshake, string problem)
    {
        _accepted.Remove(handshake);
        handshake.Dispose();
        _dropped++;
        if (handshake.State == HandshakeState.Refused || !_dropTellsWhy)
        {
            _lastDrop = problem;
            _dropTellsWhy = handshake.State == HandshakeState.Refused;
        }
    }

    private ExoException Timeout()
    {
        if (_calls.Find(call => call.Disagrees && LinksOf(call.Channel)[call.Peer] is null) is { } stale)
        {
            return Refusal(stale, stale.Problem);
        }

        int peer = Enumerable.Range(0, _group.Size).First(p => p != _group.Rank && (_data[p] is null || _signals[p] is null));
        string detail = _calls.Find(call => call.Peer == peer && call.Problem.Length > 0)?.Problem
            ?? (_dropped > 0 ? $"{_dropped} connections were dropped, one because {_lastDrop}" : "nothing came from it");
        return new PeerLostException(
            peer, $"it did not connect within {_group.ConnectTimeout.TotalMilliseconds:F0} ms ({detail})");
    }

    private ProtocolException Refusal(Call call, string problem) =>
        new($"Rank {call.Peer} at {_group.Addresses[call.Peer]} was refused: {problem}.");

    private TcpLink?[] LinksOf(ConnectionKind channel) => channel == ConnectionKind.Data ? _data : _signals;

    /// <summary>A connection that this rank has to open.</summary>
    private sealed class Call(int peer, ConnectionKind channel)
    {
        public int Peer { get; } = peer;

        public ConnectionKind Channel { get; } = channel;

        public TcpHandshake? Handshake { get; set; }

        public long FailedAt { get; set; }

        public string Problem { get; set; } = "";

        public bool Disagrees { get; set; }
    }
}
