using Exo.Sdk;
using Exo.Sdk.Transport;

namespace Exo.Benchmarks.Measurement;

/// <summary>Sums values over all ranks, in place.</summary>
internal delegate void Reduction(Span<float> values);

/// <summary>What carries an all-reduce.</summary>
/// <param name="Name">For people.</param>
/// <param name="Transport">The transport, by name.</param>
/// <param name="Precision">How values travel.</param>
/// <param name="Algorithm"><see cref="Own"/>, or <see cref="Doubling"/> for <see cref="RecursiveDoubling"/>.</param>
internal sealed record Wires(string Name, string Transport, WirePrecision Precision, string Algorithm = Wires.Own)
{
    public const string Own = "own";
    public const string Doubling = "doubling";

    public static readonly Wires Shared = new("Processes, shared memory", "shared-memory", WirePrecision.Float32);
    public static readonly Wires Tcp = new("Processes, TCP", "tcp", WirePrecision.Float32);
    public static readonly Wires TcpBFloat16 = new("TCP, bf16", "tcp", WirePrecision.BFloat16);
    public static readonly Wires TcpInt8 = new("TCP, int8", "tcp", WirePrecision.Int8Blocks);
    public static readonly Wires Threads = new("Threads, in-process", "in-process", WirePrecision.Float32);
    public static readonly Wires SharedDoubling = new("Shared memory, doubling", "shared-memory", WirePrecision.Float32, Doubling);
    public static readonly Wires TcpDoubling = new("TCP, doubling", "tcp", WirePrecision.Float32, Doubling);

    public ITransport Open() => Transport switch
    {
        "tcp" => new TcpTransport(),
        "shared-memory" => new SharedMemoryTransport(),
        _ => throw new ArgumentOutOfRangeException(nameof(Transport)),
    };

    public Reduction Reduction(ICollective group) => Algorithm == Doubling ? new RecursiveDoubling(group).Sum : group.AllReduceSum;
}
