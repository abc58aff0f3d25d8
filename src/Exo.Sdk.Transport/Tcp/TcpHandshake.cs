using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Exo.Sdk.Transport.Sealing;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>How far a handshake is.</summary>
internal enum HandshakeState
{
    /// <summary>It waits for the connection to open.</summary>
    Connecting,

    /// <summary>It waits for bytes.</summary>
    Reading,

    /// <summary>Both sides are proved.</summary>
    Done,

    /// <summary>The connection ended, or the peer is of an older epoch; another attempt may succeed.</summary>
    Failed,

    /// <summary>The peer speaks another version, epoch or secret.</summary>
    Refused,
}

/// <summary>
/// The handshake of one data or signal connection, advanced without blocking whenever its socket is ready.
/// It owns the socket until <see cref="TakeSocket"/>.
/// </summary>
internal sealed class TcpHandshake : IDisposable
{
    private readonly GroupDescription _group;
    private readonly HandshakeRole _role;
    private readonly byte[] _mine = new byte[Hello.ByteCount];
    private readonly byte[] _theirs = new byte[Hello.ByteCount];
    private readonly byte[] _proof = new byte[HandshakeProof.ByteCount];
    private Socket? _socket;
    private int _at;
    private bool _hasHello;

    private TcpHandshake(Socket socket, GroupDescription group, HandshakeRole role)
    {
        _socket = socket;
        _group = group;
        _role = role;
        socket.Blocking = false;
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
    }

    /// <summary>The rank on the other side; known from the start to the dialer.</summary>
    public int Peer { get; private set; }

    /// <summary>What the connection is for; known from the start to the dialer.</summary>
    public ConnectionKind Channel { get; private set; }

    /// <summary>How far the handshake is.</summary>
    public HandshakeState State { get; private set; }

    /// <summary>Why it failed or was refused.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Whether it failed because the peer is of an older epoch, which it may leave yet.</summary>
    public bool Disagrees { get; private set; }

    /// <summary>When it began, as a timestamp of <see cref="Stopwatch"/>.</summary>
    public long StartedAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>The socket, for waits.</summary>
    public Socket Socket => _socket ?? throw new ObjectDisposedException(nameof(TcpHandshake));

    /// <summary>Begins to connect to a peer.</summary>
    /// <param name="address">Where the peer listens.</param>
    /// <param name="group">The group.</param>
    /// <param name="peer">The rank that must answer.</param>
    /// <param name="channel">What the connection is for.</param>
    /// <returns>The handshake, perhaps failed already.</returns>
    public static TcpHandshake Dial(IPEndPoint address, GroupDescription group, int peer, ConnectionKind channel)
    {
        Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        TcpHandshake handshake = new(socket, group, HandshakeRole.Dialer) { Peer = peer, Channel = channel };
        try
        {
            socket.Connect(address);
            handshake.Opened();
        }
        catch (SocketException pending) when (pending.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            handshake.State = HandshakeState.Connecting;
        }
        catch (SocketException failure)
        {
            handshake.Fail(failure.Message);
        }

        return handshake;
    }

    /// <summary>Begins to authenticate a connection that was accepted.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="group">The group.</param>
    /// <returns>The handshake.</returns>
    public static TcpHandshake Accept(Socket socket, GroupDescription group) =>
        new(socket, group, HandshakeRole.Listener) { State = HandshakeState.Reading, Peer = -1 };

    /// <summary>Goes on as far as it can without waiting.</summary>
    public void Advance()
    {
        try
        {
            if (State == HandshakeState.Connecting)
            {
                int error = (int)Socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
                if (error != 0)
                {
                    Fail(new SocketException(error).Message);
                    return;
                }

                Opened();
            }

            while (State == HandshakeState.Reading && Fill(_hasHello ? _proof : _theirs))
            {
                _at = 0;
                if (_hasHello)
                {
                    Judge();
                }
                else
                {
                    _hasHello = true;
                    Meet();
                }
            }
        }
        catch (SocketException failure)
        {
            Fail(failure.Message);
        }
    }

    /// <summary>Hands over the socket of a finished handshake.</summary>
    /// <returns>The connected, authenticated, non-blocking socket.</returns>
    public Socket TakeSocket()
    {
        Socket socket = Socket;
        _socket = null;
        return socket;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    private void Opened()
    {
        State = HandshakeState.Reading;
        SendHello();
    }

    private void SendHello()
    {
        Span<byte> nonce = stackalloc byte[Hello.NonceByteCount];
        RandomNumberGenerator.Fill(nonce);
        new Hello(Channel, _role, _group.Epoch, _group.Rank, _group.Size).Write(_mine, nonce);
        Send(_mine);
    }

    /// <summary>The other side's hello is here. Nothing in it is proved yet.</summary>
    private void Meet()
    {
        string? problem = Hello.TryRead(_theirs, out Hello hello);
        if (_role == HandshakeRole.Listener)
        {
            // The answer is sent to a stranger too: it tells a peer of another epoch or version what is wrong.
            Channel = hello.Channel;
            Peer = hello.Rank;
            SendHello();
        }

        problem ??= Disagreement(hello);
        if (problem is not null)
        {
            Disagrees = _role == HandshakeRole.Dialer && hello.Size > 0 && hello.Epoch < _group.Epoch;
            End(Disagrees ? HandshakeState.Failed : HandshakeState.Refused, problem);
        }
        else if (_role == HandshakeRole.Dialer)
        {
            HandshakeProof.Compute(_group.Secret.Span, HandshakeRole.Dialer, _mine, _theirs, _proof);
            Send(_proof);
        }
    }

    /// <summary>The other side's proof is here.</summary>
    private void Judge()
    {
        if (_role == HandshakeRole.Dialer)
        {
            bool valid = HandshakeProof.IsValid(_group.Secret.Span, HandshakeRole.Listener, _mine, _theirs, _proof);
            End(valid ? HandshakeState.Done : HandshakeState.Refused, valid ? "" : "it does not hold this group's secret");
            return;
        }

        if (!HandshakeProof.IsValid(_group.Secret.Span, HandshakeRole.Dialer, _theirs, _mine, _proof))
        {
            Send(HandshakeProof.Refusal);
            End(HandshakeState.Refused, "it does not hold this group's secret");
            return;
        }

        HandshakeProof.Compute(_group.Secret.Span, HandshakeRole.Listener, _theirs, _mine, _proof);
        Send(_proof);
        End(HandshakeState.Done, "");
    }

    private string? Disagreement(in Hello hello)
    {
        if (hello.Role == _role || hello.Channel is not (ConnectionKind.Data or ConnectionKind.Signal) || hello.Channel != Channel)
        {
            return "it expects another kind of connection";
        }

        if (hello.Epoch != _group.Epoch)
        {
            return $"expected epoch {_group.Epoch}, found {hello.Epoch}";
        }

        if (hello.Size != _group.Size)
        {
            return $"expected a group of {_group.Size} ranks, found {hello.Size}";
        }

        bool expected = _role == HandshakeRole.Dialer
            ? hello.Rank == Peer
            : hello.Rank > _group.Rank && hello.Rank < _group.Size;
        return expected ? null : $"rank {hello.Rank} was not expected on this connection";
    }

    private bool Fill(byte[] message)
    {
        while (_at < message.Length)
        {
            int count = Socket.Receive(message.AsSpan(_at), SocketFlags.None, out SocketError result);
            if (result == SocketError.WouldBlock)
            {
                return false;
            }

            if (result != SocketError.Success || count == 0)
            {
                Fail(count == 0 && result == SocketError.Success ? "the connection was closed" : new SocketException((int)result).Message);
                return false;
            }

            _at += count;
        }

        return true;
    }

    private void Send(ReadOnlySpan<byte> message)
    {
        // At most 96 bytes go out in a whole handshake, which an open connection always takes.
        int sent = Socket.Send(message, SocketFlags.None, out SocketError result);
        if (sent != message.Length)
        {
            throw new SocketException((int)(result == SocketError.Success ? SocketError.NoBufferSpaceAvailable : result));
        }
    }

    private void Fail(string problem) => End(HandshakeState.Failed, problem);

    private void End(HandshakeState state, string problem)
    {
        State = state;
        Problem = problem;
    }
}
