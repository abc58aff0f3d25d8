namespace Exo.Sdk.Transport.Links;

/// <summary>
/// How a ring of bytes between one writing and one reading rank lies in memory that both see: two counters, each on
/// cache lines of its own so that the two sides do not fight over one, and the bytes.
/// </summary>
/// <remarks>
/// Each side keeps its own counter and only publishes it here; of the other's counter it believes nothing that
/// would lead it outside the ring.
/// </remarks>
internal static class RingMemory
{
    /// <summary>Where the number of bytes ever written stands (i64).</summary>
    public const int WrittenAt = 0;

    /// <summary>Where the number of bytes ever taken stands (i64).</summary>
    public const int TakenAt = 128;

    /// <summary>Where the bytes begin.</summary>
    public const int BytesAt = 256;

    /// <summary>What the sides return when the other's counter cannot be.</summary>
    public const int Damaged = -2;

    /// <summary>The bytes that each ring of a group holds. Anything from 128 KiB to 1 MiB measures alike for two ranks; many ranks get less, so that a group stays small.</summary>
    /// <param name="size">The number of ranks; a group has size × (size − 1) rings.</param>
    /// <returns>A power of two.</returns>
    public static int CapacityFor(int size) => size <= 4 ? 256 << 10 : 64 << 10;

    /// <summary>The memory that a ring takes.</summary>
    /// <param name="capacity">The bytes it holds, a power of two.</param>
    /// <returns>Bytes, a multiple of 128.</returns>
    public static int ByteCount(int capacity) => BytesAt + capacity;
}
