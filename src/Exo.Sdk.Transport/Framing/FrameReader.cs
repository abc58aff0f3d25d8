using System.Buffers;
using System.IO.Pipelines;

namespace Exo.Sdk.Transport.Framing;

/// <summary>Cuts a byte stream into frames. One reader at a time.</summary>
/// <remarks>
/// A length beyond the limit is refused when the header is seen, before any of the payload is buffered, so
/// a peer can make this side hold at most one frame. After an error the stream has no known boundary any
/// more: every later read throws the same error.
/// </remarks>
/// <param name="input">The bytes.</param>
/// <param name="maxPayload">The longest payload to accept, in bytes.</param>
internal sealed class FrameReader(PipeReader input, int maxPayload = FrameHeader.DefaultMaxPayload)
{
    private string? _violation;

    /// <summary>Reads the next frame.</summary>
    /// <param name="cancellationToken">Ends the wait; the stream stays readable.</param>
    /// <returns>The frame, which the caller disposes, or null when the stream ended between two frames.</returns>
    /// <exception cref="ProtocolException">The frame is too long, or the stream ended inside it.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    public async ValueTask<Frame?> ReadAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_violation is not null)
            {
                throw new ProtocolException(_violation);
            }

            ReadResult result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = result.Buffer;
            Frame? frame = Take(ref buffer);
            if (frame is null && result.IsCompleted)
            {
                if (buffer.IsEmpty && _violation is null)
                {
                    input.AdvanceTo(buffer.End);
                    return null;
                }

                _violation ??= $"The stream ended inside a frame, after {buffer.Length} bytes of it.";
            }

            input.AdvanceTo(buffer.Start, frame is null ? buffer.End : buffer.Start);
            if (frame is not null)
            {
                return frame;
            }

            if (result.IsCanceled)
            {
                throw new OperationCanceledException(cancellationToken);
            }
        }
    }

    /// <summary>Takes one whole frame off the front of the buffer, or nothing.</summary>
    private Frame? Take(ref ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < FrameHeader.Size)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[FrameHeader.Size];
        buffer.Slice(0, FrameHeader.Size).CopyTo(bytes);
        FrameHeader header = FrameHeader.Read(bytes);
        if (header.PayloadLength > (uint)maxPayload)
        {
            _violation = $"A frame of type {header.Type} claims {header.PayloadLength} bytes of payload; "
                + $"at most {maxPayload} are accepted.";
            return null;
        }

        ReadOnlySequence<byte> rest = buffer.Slice(FrameHeader.Size);
        if (rest.Length < header.PayloadLength)
        {
            return null;
        }

        Frame frame = new(header.Type, header.Epoch, rest.Slice(0, header.PayloadLength));
        buffer = rest.Slice(header.PayloadLength);
        return frame;
    }
}
