using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Exo.Sdk.Transport.Framing;

/// <summary>
/// A control connection: frames both ways over one stream. Any number of senders, one reader at a time.
/// It owns the stream.
/// </summary>
public sealed class FrameConnection : IAsyncDisposable
{
    private readonly Stream _stream;
    private readonly PipeWriter _output;
    private readonly FrameReader _reader;
    private readonly FrameWriter _writer;
    private ulong _epoch;
    private int _disposed;

    /// <summary>Frames over a stream.</summary>
    /// <param name="stream">A duplex stream that allows one read beside one write.</param>
    /// <param name="maxPayload">The longest payload in bytes, either way.</param>
    public FrameConnection(Stream stream, int maxPayload)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxPayload);
        _stream = stream;
        _output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
        _reader = new FrameReader(PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true)), maxPayload);
        _writer = new FrameWriter(_output, maxPayload);
    }

    /// <summary>Frames over a connected socket.</summary>
    /// <param name="socket">A connected stream socket; it is owned by this object from now on.</param>
    /// <param name="maxPayload">The longest payload in bytes, either way.</param>
    public FrameConnection(Socket socket, int maxPayload)
        : this(new NetworkStream(socket, ownsSocket: true), maxPayload)
    {
        if (socket.ProtocolType == ProtocolType.Tcp)
        {
            socket.NoDelay = true;
        }
    }

    /// <summary>The epoch that outgoing frames are stamped with.</summary>
    public ulong Epoch
    {
        get => Volatile.Read(ref _epoch);
        set => Volatile.Write(ref _epoch, value);
    }

    /// <summary>Whether bytes of the peer wait that nobody has read yet. False where the stream cannot tell.</summary>
    public bool HasUnread
    {
        get
        {
            try
            {
                return _stream is NetworkStream { DataAvailable: true };
            }
            catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
            {
                return false;
            }
        }
    }

    /// <summary>Sends one frame stamped with <see cref="Epoch"/>; see <see cref="FrameWriter.WriteAsync"/>.</summary>
    /// <param name="type">What the payload means.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="cancellationToken">Ends the wait; a frame that has begun is still sent whole.</param>
    /// <returns>A task that ends when the stream has taken the frame.</returns>
    /// <exception cref="ProtocolException">The payload is longer than the limit.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="ObjectDisposedException">The connection was disposed.</exception>
    public ValueTask SendAsync(ushort type, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        return _writer.WriteAsync(type, Epoch, payload, cancellationToken);
    }

    /// <summary>Reads the next frame; see <see cref="FrameReader.ReadAsync"/>.</summary>
    /// <param name="cancellationToken">Ends the wait; the connection stays readable.</param>
    /// <returns>The frame, which the caller disposes, or null when the peer closed between two frames.</returns>
    /// <exception cref="ProtocolException">The frame is too long, or the stream ended inside it.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="ObjectDisposedException">The connection was disposed.</exception>
    public async ValueTask<Frame?> ReadAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        Frame? frame = await _reader.ReadAsync(cancellationToken).ConfigureAwait(false);

        // A socket that is closed under a read may look as if the peer had closed it.
        ObjectDisposedException.ThrowIf(frame is null && Volatile.Read(ref _disposed) != 0, this);
        return frame;
    }

    /// <summary>Reads frames until the peer closes.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The frames, each of which the caller disposes.</returns>
    public async IAsyncEnumerable<Frame> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { } frame)
        {
            yield return frame;
        }
    }

    /// <summary>Closes the stream; a read or a send under way fails.</summary>
    /// <returns>A task that ends when the stream is closed and no send is under way.</returns>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        // The writer is told first, so that no send under way passes for sent; then the stream is closed, which
        // ends a send that waits for a peer that does not read.
        ObjectDisposedException disposed = new(nameof(FrameConnection));
        Task quiet = _writer.CloseAsync(disposed);
        await _stream.DisposeAsync().ConfigureAwait(false);
        await quiet.ConfigureAwait(false);
        await _output.CompleteAsync(disposed).ConfigureAwait(false);
    }
}
