using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Runtime.ExceptionServices;

namespace Exo.Sdk.Transport.Framing;

/// <summary>Writes frames to a byte stream. Safe for concurrent senders: frames never mix.</summary>
/// <param name="output">Where the bytes go.</param>
/// <param name="maxPayload">The longest payload to send, in bytes.</param>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore's wait handle is never made, and a late sender may still release it.")]
internal sealed class FrameWriter(PipeWriter output, int maxPayload = FrameHeader.DefaultMaxPayload)
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Exception? _failure;

    /// <summary>Sends one frame; returns when the stream has taken it, so a slow peer slows its senders.</summary>
    /// <remarks>
    /// Canceling ends the wait. Before this frame's turn nothing is sent; after it the frame is still sent
    /// whole, because half a frame would cost the connection.
    /// </remarks>
    /// <param name="type">What the payload means.</param>
    /// <param name="epoch">The sender's epoch.</param>
    /// <param name="payload">The payload; it may be reused once the returned task is done, canceled or not.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task that ends when the frame is taken.</returns>
    /// <exception cref="ProtocolException">The payload is longer than the limit; nothing was sent.</exception>
    /// <exception cref="IOException">The connection failed, or the reader is gone.</exception>
    public async ValueTask WriteAsync(ushort type, ulong epoch, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken = default)
    {
        if (payload.Length > maxPayload)
        {
            throw new ProtocolException(
                $"A frame of type {type} would carry {payload.Length} bytes of payload; at most {maxPayload} are accepted.");
        }

        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        Task flush = FlushAndPassTurnAsync(new FrameHeader((uint)payload.Length, type, epoch), payload);
        await flush.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Refuses further frames and waits until none is under way.</summary>
    /// <param name="reason">What later sends throw.</param>
    /// <returns>A task that ends when the stream is quiet.</returns>
    internal async Task CloseAsync(Exception reason)
    {
        Interlocked.CompareExchange(ref _failure, reason, null);
        await _turn.WaitAsync().ConfigureAwait(false);
        _turn.Release();
    }

    private async Task FlushAndPassTurnAsync(FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        try
        {
            if (Volatile.Read(ref _failure) is { } earlier)
            {
                ExceptionDispatchInfo.Throw(earlier);
            }

            // Copied before the first await: from here on the caller's memory is not touched.
            header.Write(output.GetSpan(FrameHeader.Size));
            output.Advance(FrameHeader.Size);
            output.Write(payload.Span);
            FlushResult result = await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            if (result.IsCompleted)
            {
                throw new IOException("The peer no longer reads.");
            }

            if (Volatile.Read(ref _failure) is { } closed)
            {
                // A socket that is closed under a send may report success for the part that went out.
                ExceptionDispatchInfo.Throw(closed);
            }
        }
        catch (Exception failure)
        {
            // Part of a frame may be on the wire, so no other frame can follow it.
            Interlocked.CompareExchange(ref _failure, failure, null);
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }
}
