using Exo.Sdk.Cpu.MatMul;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>
/// Where things lie in one layer's cache of one sequence. Each head has its keys, values and, where the format wants them, scales. Keys lie
/// as weights do, positions being the rows of panels <c>[positions/lanes, head size, lanes]</c>, so that scores are a matrix product;
/// values <c>[positions, padded head size]</c> are the tile of the second product as they are. There is room for as many positions as are
/// ever looked at together; where that is fewer than the context, later positions take the places of the earliest.
/// </summary>
/// <param name="Heads">Key-value heads.</param>
/// <param name="HeadSize">Elements of a head.</param>
/// <param name="Positions">Positions that are looked at together: the context, or what a window and a step need.</param>
/// <param name="Lanes">Lanes of a register.</param>
/// <param name="ElementBytes">Bytes of an element.</param>
/// <param name="HasScales">Whether there are scales.</param>
internal sealed record CacheShape(int Heads, int HeadSize, int Positions, int Lanes, int ElementBytes, bool HasScales)
{
    /// <summary>Positions that a tile of keys holds.</summary>
    internal int TilePositions => Tile.Panels * Lanes;

    /// <summary>Places for positions: whole tiles. Position p lies in place p % <see cref="Capacity"/>.</summary>
    internal int Capacity => (Positions + TilePositions - 1) / TilePositions * TilePositions;

    /// <summary>Elements of a head's values, filled up to whole registers.</summary>
    internal int ValueWidth => (HeadSize + Lanes - 1) / Lanes * Lanes;

    /// <summary>Bytes of one head, in multiples of a cache line.</summary>
    internal long HeadBytes => (((long)Capacity * (HeadSize + ValueWidth) * ElementBytes) + (HasScales ? 2L * Capacity * sizeof(float) : 0) + 63) / 64 * 64;

    /// <summary>Bytes of all heads.</summary>
    internal long ByteCount => Heads * HeadBytes;

    /// <summary>Where a head's values begin.</summary>
    internal long ValueOffset => (long)Capacity * HeadSize * ElementBytes;

    /// <summary>Where the scales of a head's keys begin; those of its values follow.</summary>
    internal long ScaleOffset => ValueOffset + ((long)Capacity * ValueWidth * ElementBytes);
}
