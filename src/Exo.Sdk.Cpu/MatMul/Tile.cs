namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// Unpacked weights of two panels, which all tokens of a step share while they stay in the first-level cache.
/// </summary>
internal static class Tile
{
    /// <summary>Panels of a tile.</summary>
    internal const int Panels = 2;

    /// <summary>Inputs of a tile of single-precision weights.</summary>
    internal const int Depth = 256;

    /// <summary>Inputs of a tile of 8-bit weights; groups of up to 128 divide it.</summary>
    internal const int IntegerDepth = 1024;

    /// <summary>Groups of one token's product that are summed before they are scaled.</summary>
    internal const int Groups = 512;

    private const int WidestPanel = 16;
    private const int WeightBytes = Panels * WidestPanel * Depth * sizeof(float);

    /// <summary>Two numbers for each output and group, with the smallest groups.</summary>
    private const int GroupBytes = Panels * WidestPanel * (IntegerDepth / 32) * 2 * sizeof(float);

    /// <summary>What a thread needs for one tile of either kind.</summary>
    internal const int ByteCount = WeightBytes + GroupBytes;

    /// <summary>Where the groups' numbers of an integer tile begin.</summary>
    internal const int GroupOffset = WeightBytes;
}
