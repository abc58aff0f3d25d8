using System.Buffers.Binary;

namespace Exo.Sdk.Transport.Sealing;

/// <summary>What a connection is for.</summary>
internal enum ConnectionKind : byte
{
    /// <summary>Control frames.</summary>
    Control = 0,

    /// <summary>The bytes of collectives.</summary>
    Data = 1,

    /// <summary>Notices that end a group.</summary>
    Signal = 2,
}

/// <summary>Which side of a connection speaks.</summary>
public enum HandshakeRole : byte
{
    /// <summary>The side that opened the connection.</summary>
    Dialer = 0,

    /// <summary>The side that accepted it.</summary>
    Listener = 1,
}

/// <summary>
/// The first 64 bytes that each side of every connection sends: magic (4), version (u16), kind (u8),
/// role (u8), epoch (u64), rank (i32), size (i32), 8 bytes of zero, nonce (32); little-endian.
/// </summary>
/// <remarks>Its size is fixed, so a connection is authenticated before anything with a length is read from it.</remarks>
/// <param name="Channel">What the connection is for.</param>
/// <param name="Role">Who speaks.</param>
/// <param name="Epoch">The group's epoch; 0 on control connections.</param>
/// <param name="Rank">The speaker's rank; 0 on control connections.</param>
/// <param name="Size">The group's size; 0 on control connections.</param>
internal readonly record struct Hello(ConnectionKind Channel, HandshakeRole Role, ulong Epoch, int Rank, int Size)
{
    /// <summary>The message's length in bytes.</summary>
    public const int ByteCount = 64;

    /// <summary>The nonce's length in bytes.</summary>
    public const int NonceByteCount = 32;

    /// <summary>The version of the handshake and of the wire formats behind it.</summary>
    public const ushort Version = 1;

    private const uint Magic = 0x004F5845; // "EXO\0"

    /// <summary>Writes the message.</summary>
    /// <param name="target"><see cref="ByteCount"/> bytes.</param>
    /// <param name="nonce"><see cref="NonceByteCount"/> random bytes, never used before.</param>
    public void Write(Span<byte> target, ReadOnlySpan<byte> nonce)
    {
        target[..ByteCount].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], Version);
        target[6] = (byte)Channel;
        target[7] = (byte)Role;
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Epoch);
        BinaryPrimitives.WriteInt32LittleEndian(target[16..], Rank);
        BinaryPrimitives.WriteInt32LittleEndian(target[20..], Size);
        nonce[..NonceByteCount].CopyTo(target[32..]);
    }

    /// <summary>Reads a message.</summary>
    /// <param name="source"><see cref="ByteCount"/> bytes.</param>
    /// <param name="hello">What it says; nothing of it is proved yet.</param>
    /// <returns>Null, or what is wrong with it.</returns>
    public static string? TryRead(ReadOnlySpan<byte> source, out Hello hello)
    {
        hello = default;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
        {
            return "the connection does not speak this protocol";
        }

        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(source[4..]);
        if (version != Version)
        {
            return $"expected protocol version {Version}, found {version}";
        }

        hello = new Hello(
            (ConnectionKind)source[6],
            (HandshakeRole)source[7],
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[20..]));
        return !Enum.IsDefined(hello.Channel) ? $"it names the unknown kind of connection {source[6]}"
            : !Enum.IsDefined(hello.Role) ? $"it names the unknown role {source[7]}"
            : null;
    }
}
