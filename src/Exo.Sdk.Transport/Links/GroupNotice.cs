using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Exo.Sdk.Transport.Links;

/// <summary>
/// What a rank tells the others when it ends the group, once, on a connection of its own: so it can never be
/// stuck behind half a message. 128 bytes, little-endian: mark (u32), kind (u8), reason length (u8), rank (u16),
/// reason (UTF-8).
/// </summary>
/// <param name="IsGoodbye">Whether the sender leaves in good order; what it sent before is still good.</param>
/// <param name="LostRank">The rank that is lost; the sender's for a goodbye.</param>
/// <param name="Reason">How it was noticed; cut to what fits.</param>
internal readonly record struct GroupNotice(bool IsGoodbye, int LostRank, string Reason)
{
    /// <summary>The notice's length in bytes.</summary>
    public const int ByteCount = 128;

    private const int ReasonAt = 8;
    private const uint Mark = 0x21444E45; // "END!"

    /// <summary>Writes the notice.</summary>
    /// <param name="target"><see cref="ByteCount"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        target[..ByteCount].Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, Mark);
        target[4] = IsGoodbye ? (byte)1 : (byte)2;
        Utf8.FromUtf16(Reason, target[ReasonAt..ByteCount], out _, out int written);
        target[5] = (byte)written;
        BinaryPrimitives.WriteUInt16LittleEndian(target[6..], (ushort)LostRank);
    }

    /// <summary>Reads a notice.</summary>
    /// <param name="source"><see cref="ByteCount"/> bytes.</param>
    /// <param name="size">The group's size.</param>
    /// <param name="notice">What it says.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, int size, out GroupNotice notice)
    {
        notice = default;
        int length = source[5];
        int rank = BinaryPrimitives.ReadUInt16LittleEndian(source[6..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(source) != Mark
            || source[4] is not (1 or 2)
            || length > ByteCount - ReasonAt
            || rank >= size)
        {
            return false;
        }

        notice = new GroupNotice(source[4] == 1, rank, Encoding.UTF8.GetString(source.Slice(ReasonAt, length)));
        return true;
    }
}
