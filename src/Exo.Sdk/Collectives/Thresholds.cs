namespace Exo.Sdk.Collectives;

/// <summary>Sizes at which all-reduce changes its way. Measured; the table is in docs/collectives.md.</summary>
internal static class Thresholds
{
    /// <summary>Bytes of one peer that may be received before they are summed.</summary>
    public const int WindowBytes = 256 << 10;

    /// <summary>Up to this many bytes on the wire every rank sends everything to every rank.</summary>
    /// <param name="rings">Whether the wires are rings in memory.</param>
    /// <param name="size">The number of ranks.</param>
    /// <returns>Bytes.</returns>
    public static int DirectBytes(bool rings, int size) => size switch
    {
        2 => int.MaxValue,
        _ when rings => 64 << 10,
        _ => 64 << 10,
    };
}
