using System.Buffers.Binary;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>What a message on the data plane is part of.</summary>
internal enum Operation : byte
{
    /// <summary>Nothing; never sent.</summary>
    None = 0,

    /// <summary>A contribution to a sum.</summary>
    Reduce = 1,

    /// <summary>A finished segment of a sum.</summary>
    Reduced = 2,

    /// <summary>A part of an all-gather.</summary>
    Gather = 3,

    /// <summary>A broadcast.</summary>
    Broadcast = 4,

    /// <summary>A message between two ranks.</summary>
    Message = 5,

    /// <summary>A barrier.</summary>
    Barrier = 6,

    /// <summary>A contribution to a sum, in bfloat16.</summary>
    ReduceBFloat16 = 7,

    /// <summary>A finished segment of a sum, in bfloat16.</summary>
    ReducedBFloat16 = 8,

    /// <summary>A contribution to a sum, in blocks of 8-bit numbers.</summary>
    ReduceInt8 = 9,

    /// <summary>A finished segment of a sum, in blocks of 8-bit numbers.</summary>
    ReducedInt8 = 10,
}

/// <summary>
/// The 16 bytes before every message of the data plane, little-endian: sequence number on this wire (u32),
/// epoch folded to 32 bits (u32), length (56 bits) and operation (8 bits).
/// </summary>
/// <remarks>
/// The receiver knows what must come, so it compares the header with the one it expects: ranks that call
/// different operations, or the same one with different lengths, are told so in place of wrong numbers.
/// </remarks>
internal static class MessageHeader
{
    /// <summary>The header's length in bytes.</summary>
    public const int Size = 16;

    /// <summary>Writes a header.</summary>
    /// <param name="target"><see cref="Size"/> bytes.</param>
    /// <param name="sequence">The number of messages sent before on this wire in this direction.</param>
    /// <param name="epoch">The group's epoch.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="length">The operation's length in bytes; for a part of a sum, that of the whole sum.</param>
    public static void Write(Span<byte> target, uint sequence, ulong epoch, Operation operation, long length)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, sequence);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], (uint)(epoch ^ (epoch >> 32)));
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], ((ulong)operation << 56) | (ulong)length);
    }

    /// <summary>Puts a header into words, for an error message.</summary>
    /// <param name="header"><see cref="Size"/> bytes.</param>
    /// <returns>For example <c>Gather of 12 bytes, message 3, epoch tag 1</c>.</returns>
    public static string Describe(ReadOnlySpan<byte> header)
    {
        ulong last = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        return $"{(Operation)(last >> 56)} of {last & ((1UL << 56) - 1)} bytes, "
            + $"message {BinaryPrimitives.ReadUInt32LittleEndian(header)}, "
            + $"epoch tag {BinaryPrimitives.ReadUInt32LittleEndian(header[4..])}";
    }
}
