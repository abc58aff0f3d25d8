using System.Buffers.Binary;

namespace Exo.Sdk.Transport.Framing;

/// <summary>
/// The 14 bytes before every control payload, little-endian: payload length (u32), type (u16), epoch (u64).
/// </summary>
/// <param name="PayloadLength">Bytes of payload that follow.</param>
/// <param name="Type">What the payload means.</param>
/// <param name="Epoch">The epoch that the sender was in.</param>
internal readonly record struct FrameHeader(uint PayloadLength, ushort Type, ulong Epoch)
{
    /// <summary>The header's length in bytes.</summary>
    public const int Size = 14;

    /// <summary>The longest payload unless a connection is told otherwise: 1 MiB.</summary>
    public const int DefaultMaxPayload = 1 << 20;

    /// <summary>Writes the header.</summary>
    /// <param name="target">At least <see cref="Size"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, PayloadLength);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], Type);
        BinaryPrimitives.WriteUInt64LittleEndian(target[6..], Epoch);
    }

    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="Size"/> bytes.</param>
    /// <returns>The header; its length is whatever the peer claims.</returns>
    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(source),
        BinaryPrimitives.ReadUInt16LittleEndian(source[4..]),
        BinaryPrimitives.ReadUInt64LittleEndian(source[6..]));
}
