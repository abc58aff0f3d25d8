using System.Net.Sockets;

namespace Exo.Sdk.Transport.Tcp;

/// <summary>
/// One connected, non-blocking socket. On Linux and macOS it makes system calls of its own; elsewhere it goes
/// through <see cref="System.Net.Sockets.Socket"/>, which needs a copy to send header and payload together.
/// </summary>
internal sealed class TcpLink : IDisposable
{
    private const int StagingLength = 64 << 10;

    private readonly Socket _socket;
    private readonly int _descriptor;
    private readonly byte[]? _staging;
    private bool _counted;
    private volatile int _error;

    /// <summary>Takes over a connected socket that no asynchronous call was ever made on.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="native">Whether to use the system's calls.</param>
    public TcpLink(Socket socket, bool native)
    {
        _socket = socket;
        socket.NoDelay = true;
        socket.Blocking = false;
        if (native)
        {
            // The descriptor stays this socket's until Dispose, so it cannot be reused under a call.
            socket.SafeHandle.DangerousAddRef(ref _counted);
            _descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        }
        else
        {
            _staging = GC.AllocateUninitializedArray<byte>(StagingLength);
        }
    }

    /// <summary>The socket, for waits.</summary>
    public Socket Socket => _socket;

    /// <summary>The socket's number, where system calls are used.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Why the link is closed, as a phrase.</summary>
    public string ClosingReason => _error == 0 ? "its connection was closed" : $"its connection failed ({Describe(_error)})";

    /// <summary>Sends what the socket takes; see <see cref="Links.LinkGroup.TrySend"/>.</summary>
    /// <param name="head">The first bytes.</param>
    /// <param name="body">The bytes behind them.</param>
    /// <returns>The number of bytes, or −1 when the peer is gone.</returns>
    public int TrySend(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        if (_staging is null)
        {
            int sent = NativeSocket.Send(_descriptor, head, body, out int error);
            _error = error == 0 ? _error : sent < 0 ? error : _error;
            return sent;
        }

        ReadOnlySpan<byte> bytes = body;
        if (!head.IsEmpty)
        {
            int taken = Math.Min(body.Length, StagingLength - head.Length);
            head.CopyTo(_staging);
            body[..taken].CopyTo(_staging.AsSpan(head.Length));
            bytes = _staging.AsSpan(0, head.Length + taken);
        }

        int count = _socket.Send(bytes, SocketFlags.None, out SocketError result);
        return Interpret(result, count);
    }

    /// <summary>Receives what is there; see <see cref="Links.LinkGroup.TryReceive"/>.</summary>
    /// <param name="head">Filled first.</param>
    /// <param name="body">Filled next.</param>
    /// <returns>The number of bytes, or −1 when the peer is gone.</returns>
    public int TryReceive(Span<byte> head, Span<byte> body)
    {
        if (_staging is null)
        {
            int received = NativeSocket.Receive(_descriptor, head, body, out int error);
            _error = received < 0 ? error : _error;
            return received;
        }

        int count = _socket.Receive(head.IsEmpty ? body : head, SocketFlags.None, out SocketError result);
        return result == SocketError.Success && count == 0 ? -1 : Interpret(result, count);
    }

    /// <summary>Says whether something is there without taking it.</summary>
    /// <returns>1 or 0, or −1 when the peer is gone.</returns>
    public int Peek()
    {
        Span<byte> one = stackalloc byte[1];
        int count = _socket.Receive(one, SocketFlags.Peek, out SocketError result);
        return result == SocketError.Success && count == 0 ? -1 : Interpret(result, count);
    }

    /// <summary>
    /// Ends the conversation both ways without releasing the socket. What was sent before still arrives; a
    /// thread that waits on the socket wakes.
    /// </summary>
    public void Cut()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // It is closed already.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_counted)
        {
            _counted = false;
            _socket.SafeHandle.DangerousRelease();
        }

        _socket.Dispose();
    }

    private static string Describe(int error) => System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error);

    private int Interpret(SocketError result, int count)
    {
        if (result == SocketError.Success)
        {
            return count;
        }

        if (result is SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable or SocketError.Interrupted)
        {
            return 0;
        }

        _error = new SocketException((int)result).NativeErrorCode;
        return -1;
    }
}
