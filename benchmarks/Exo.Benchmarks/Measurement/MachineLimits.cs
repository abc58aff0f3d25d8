using System.Text.Json;

namespace Exo.Benchmarks.Measurement;

/// <summary>The machine's own limits for a number of threads, each at its best.</summary>
/// <param name="Threads">Threads, each on a processor of its own.</param>
/// <param name="ReadBytesPerSecond">Memory read.</param>
/// <param name="Float32PerSecond">Operations of single precision; a multiply-add counts as two.</param>
/// <param name="Int8PerSecond">Operations on bytes; a multiply-add counts as two.</param>
internal sealed record MachineLimits(int Threads, double ReadBytesPerSecond, double Float32PerSecond, double Int8PerSecond)
{
    /// <summary>One thread, two, and all processors, as far as there are so many.</summary>
    public static int[] ThreadCounts =>
        [.. new[] { 1, 2, Environment.ProcessorCount }.Where(static count => count <= Environment.ProcessorCount).Distinct()];

    /// <summary>Measures here.</summary>
    public static MachineLimits Measure(int threads) =>
        new(threads, ReadBandwidth.Measure(threads), ComputePeak.Float32(threads), ComputePeak.Int8(threads));

    /// <summary>Measures in a process of its own.</summary>
    public static async Task<IReadOnlyList<MachineLimits>> MeasureAsync(CancellationToken cancellationToken) =>
        JsonSerializer.Deserialize<MachineLimits[]>(await SelfProcess.RunAsync(cancellationToken, "measure", "limits"))!;
}
