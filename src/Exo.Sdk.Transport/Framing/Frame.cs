using System.Buffers;

namespace Exo.Sdk.Transport.Framing;

/// <summary>One control message. It owns its payload: dispose it to give the memory back to the pool.</summary>
public sealed class Frame : IDisposable
{
    private readonly int _length;
    private byte[]? _rented;

    /// <summary>Copies a payload into memory from the pool.</summary>
    /// <param name="type">What the payload means.</param>
    /// <param name="epoch">The epoch that the sender was in.</param>
    /// <param name="payload">The payload's bytes.</param>
    internal Frame(ushort type, ulong epoch, in ReadOnlySequence<byte> payload)
    {
        Type = type;
        Epoch = epoch;
        _length = checked((int)payload.Length);
        _rented = _length == 0 ? [] : ArrayPool<byte>.Shared.Rent(_length);
        payload.CopyTo(_rented);
    }

    /// <summary>What the payload means.</summary>
    public ushort Type { get; }

    /// <summary>The epoch that the sender was in.</summary>
    public ulong Epoch { get; }

    /// <summary>The payload, valid until the frame is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public ReadOnlyMemory<byte> Payload =>
        (_rented ?? throw new ObjectDisposedException(nameof(Frame))).AsMemory(0, _length);

    /// <inheritdoc/>
    public void Dispose()
    {
        byte[]? rented = Interlocked.Exchange(ref _rented, null);
        if (rented is { Length: > 0 })
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
