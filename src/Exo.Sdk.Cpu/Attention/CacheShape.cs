using Exo.Sdk.Cpu.MatMul;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>
/// Where things lie in the cache of one sequence. Each layer and head has its keys, values and, where the format wants them, scales.
/// Keys lie as weights do, positions being the rows of panels <c>[positions/lanes, head size, lanes]</c>, so that scores are a matrix
/// product; values <c>[positions, padded head size]</c> are the tile of the second product as they are.
/// </summary>
/// <param name="Layers">Layers.</param>
/// <param name="Heads">Key-value heads.</param>
/// <param name="HeadSize">Elements of a head.</param>
/// <param name="Context">Positions.</param>
/// <param name="Lanes">Lanes of a register.</param>
/// <param name="ElementBytes">Bytes of an element.</param>
/// <param name="HasScales">Whether there are scales.</param>
internal sealed record CacheShape(int Layers, int Heads, int HeadSize, int Context, int Lanes, int ElementBytes, bool HasScales)
{
    /// <summary>Positions that a tile of keys holds.</summary>
    internal int TilePositions => Tile.Panels * Lanes;

    /// <summary>Positions, filled up to whole tiles.</summary>
    internal int PaddedContext => (Context + TilePositions - 1) / TilePositions * TilePositions;

    /// <summary>Elements of a head's values, filled up to whole registers.</summary>
    internal int ValueWidth => (HeadSize + Lanes - 1) / Lanes * Lanes;

    /// <summary>Bytes of one head of one layer, in multiples of a cache line.</summary>
    internal long HeadBytes => (((long)PaddedContext * (HeadSize + ValueWidth) * ElementBytes) + (HasScales ? 2L * PaddedContext * sizeof(float) : 0) + 63) / 64 * 64;

    /// <summary>Bytes of a sequence.</summary>
    internal long ByteCount => Layers * Heads * HeadBytes;

    /// <summary>Where a head's values begin.</summary>
    internal long ValueOffset => (long)PaddedContext * HeadSize * ElementBytes;

    /// <summary>Where the scales of a head's keys begin; those of its values follow.</summary>
    internal long ScaleOffset => ValueOffset + ((long)PaddedContext * ValueWidth * ElementBytes);
}
