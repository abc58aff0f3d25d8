using Exo.Sdk.Testing;

namespace Exo.Sdk.Transport.Tests.Collectives;

/// <summary>The transports under test, and groups of theirs.</summary>
internal static class RankGroup
{
    /// <summary>Their names: each alone, with managed calls only, and without polling before it blocks.</summary>
    public static IReadOnlyList<string> Transports { get; } =
        ["tcp", "tcp-managed", "tcp-blocking", "shared-memory", "shared-memory-managed", "shared-memory-blocking", "in-process", "in-process-blocking"];

    public static ITransport Transport(string name) => name switch
    {
        "tcp" => new TcpTransport(),
        "tcp-managed" => new TcpTransport { UseNativeCalls = false },
        "tcp-blocking" => new TcpTransport { Spin = TimeSpan.Zero },
        "shared-memory" => new SharedMemoryTransport(),
        "shared-memory-managed" => new SharedMemoryTransport { UseNativeCalls = false },
        "shared-memory-blocking" => new SharedMemoryTransport { Spin = TimeSpan.Zero },
        "in-process" => new InProcessTransport(),
        "in-process-blocking" => new InProcessTransport { Spin = TimeSpan.Zero },
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    public static TestGroup Connect(string transport, int size, WirePrecision precision = WirePrecision.Float32) =>
        ConnectMixed(transport, [.. Enumerable.Repeat(precision, size)]);

    /// <summary>A group whose ranks were told different precisions.</summary>
    public static TestGroup ConnectMixed(string transport, WirePrecision[] precisions) => TestGroup.ConnectAsync(
        Transport(transport), precisions.Length, group => group with { WirePrecision = precisions[group.Rank] }).GetAwaiter().GetResult();
}
