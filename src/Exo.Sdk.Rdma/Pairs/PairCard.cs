using System.Buffers.Binary;

namespace Exo.Sdk.Rdma.Pairs;

/// <summary>
/// What a rank tells a peer of its queue pair once receives are posted on it: mark (u32), number (u32), first packet
/// (u32), receives granted (i32), little-endian.
/// </summary>
/// <param name="Number">The queue pair's number.</param>
/// <param name="FirstPacket">The packet number that it starts with, 24 bits.</param>
/// <param name="Receives">How many receives it holds posted.</param>
internal readonly record struct PairCard(uint Number, uint FirstPacket, int Receives)
{
    /// <summary>The message's length.</summary>
    public const int ByteCount = 16;

    private const uint Mark = 0x52494150; // "PAIR"

    /// <summary>Writes the message.</summary>
    /// <param name="target"><see cref="ByteCount"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Mark);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Number);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], FirstPacket);
        BinaryPrimitives.WriteInt32LittleEndian(target[12..], Receives);
    }

    /// <summary>Reads a message.</summary>
    /// <param name="source"><see cref="ByteCount"/> bytes.</param>
    /// <param name="peer">The sender, for the error.</param>
    /// <returns>The card.</returns>
    /// <exception cref="ProtocolException">It is none.</exception>
    public static PairCard Read(ReadOnlySpan<byte> source, int peer)
    {
        PairCard card = new(
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[12..]));
        return BinaryPrimitives.ReadUInt32LittleEndian(source) == Mark && card.FirstPacket < 1 << 24 && card.Receives > PairTerms.Spare
            ? card
            : throw new ProtocolException($"Rank {peer} describes its queue pair as {card}, which is out of range.");
    }
}
