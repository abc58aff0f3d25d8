using System.Numerics;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// Sizes at which all-reduce changes its way. Measured with 2, 3 and 4 processes on 2 processors; the tables are in
/// docs/collectives.md. All ranks come to the same decision: it depends on nothing but the group and the vector.
/// </summary>
internal static class AllReduceTuning
{
    /// <summary>Bytes of one peer that may be received before they are summed.</summary>
    public const int WindowBytes = 256 << 10;

    /// <summary>
    /// Bytes handed to a link at a time, so that ranks send and receive in turns while the bytes are in the caches: over
    /// TCP on loopback 1 MiB takes 150–310 µs so, and 350 µs when all is handed over at once.
    /// </summary>
    public const int SendBytes = 256 << 10;

    /// <summary>
    /// Up to this many bytes on the wire every rank sends everything to every rank. Over rings the ways meet between 64 and
    /// 128 KiB for 3 and for 4 ranks; over TCP between 32 and 64 KiB for 3 ranks and at 16 KiB for 4.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <returns>Bytes.</returns>
    public static int DirectBytes(Membership group) => group.Size switch
    {
        2 => int.MaxValue,
        _ when group.Links.Rings is not null => 64 << 10,
        3 => 32 << 10,
        _ => 16 << 10,
    };

    /// <summary>
    /// Up to this many bytes on the wire contributions are gathered by recursive doubling; −1 for never. On one machine
    /// system calls are what a small sum over TCP costs, and doubling makes fewer: 4 ranks, 16 KiB, 35 µs and not 81.
    /// Between machines it would wait log₂(n) times for the network where the direct exchange waits once, and over rings a
    /// message costs next to nothing (4 ranks, 8 KiB: 12.2 µs and 11.2 directly).
    /// </summary>
    /// <param name="group">The group.</param>
    /// <returns>Bytes.</returns>
    public static int DoublingBytes(Membership group) =>
        group.Size >= 4 && BitOperations.IsPow2(group.Size) && group.Links.IsOneMachine && group.Links.Rings is null ? 32 << 10 : -1;
}
