using Exo.Benchmarks.Commands;
using Exo.Benchmarks.Measurement;
using Exo.Sdk;

namespace Exo.Benchmarks.Report;

/// <summary>Everything measured once, one thing after the other. Figures pair what belongs to the same round.</summary>
/// <param name="Limits">The machine's own, by thread counts.</param>
/// <param name="PageCacheSeconds">How long reading the files of S from the page cache takes.</param>
/// <param name="KeepSeconds">The same into fresh memory.</param>
/// <param name="S">Runs of shape S.</param>
/// <param name="T">Runs of shape T.</param>
/// <param name="AllReduce">Median microseconds by wires and, within, by <see cref="AllReduceRun.Sizes"/>.</param>
internal sealed record ReportRound(
    IReadOnlyList<MachineLimits> Limits,
    double PageCacheSeconds,
    double KeepSeconds,
    IReadOnlyDictionary<Configuration, GenerationResult> S,
    IReadOnlyDictionary<Configuration, GenerationResult> T,
    IReadOnlyDictionary<Wires, IReadOnlyList<double>> AllReduce)
{
    public const int ShortPrompt = 128;
    public const int LongPrompt = 512;

    public static readonly ActivationPrecision[] Precisions = [ActivationPrecision.Float32, ActivationPrecision.Int8];

    public static readonly Wires[] Wires = [Measurement.Wires.Shared, Measurement.Wires.Tcp, Measurement.Wires.Threads];

    // The prompt of 512 is there for prefill alone.
    private static readonly Workload[] WorkloadsOfS = [new(ShortPrompt, 48), new(LongPrompt, 1)];
    private static readonly Workload[] WorkloadsOfT = [new(ShortPrompt, 300)];
    private static readonly TimeSpan TimePerSize = TimeSpan.FromMilliseconds(120);

    public static Configuration Own(int ranks, int threads, ActivationPrecision activations) => new(ranks, threads, activations);

    public static Configuration Baseline(int threads) => new(1, threads, ActivationPrecision.Int8, Configuration.Onnx);

    /// <summary>Measures once.</summary>
    public static async Task<ReportRound> MeasureAsync(BenchmarkModel s, BenchmarkModel t, CancellationToken cancellationToken)
    {
        Tell("limits");
        IReadOnlyList<MachineLimits> limits = await MachineLimits.MeasureAsync(cancellationToken);
        (double pageCache, double keep) = (PageCache.SecondsToRead(s.Files), PageCache.SecondsToKeep(s.Files));
        Configuration[] own = [.. Precisions.SelectMany(static activations => new[] { Own(1, 1, activations), Own(1, 2, activations), Own(2, 1, activations) })];
        Dictionary<Configuration, GenerationResult> ofS = await RunAsync(s, [.. own, Baseline(1), Baseline(2)], WorkloadsOfS, cancellationToken);
        Dictionary<Configuration, GenerationResult> ofT = await RunAsync(t, own, WorkloadsOfT, cancellationToken);
        Tell("all-reduce");
        IReadOnlyList<IReadOnlyList<double>> allReduce = await AllReduceCommand.MeasureAsync(Wires, 2, 1, TimePerSize, cancellationToken);
        return new ReportRound(limits, pageCache, keep, ofS, ofT, Wires.Zip(allReduce).ToDictionary());
    }

    private static async Task<Dictionary<Configuration, GenerationResult>> RunAsync(
        BenchmarkModel model, IEnumerable<Configuration> configurations, Workload[] workloads, CancellationToken cancellationToken)
    {
        Dictionary<Configuration, GenerationResult> results = [];
        foreach (Configuration configuration in configurations)
        {
            Tell($"{model.Name}, {configuration}");
            results[configuration] = await GenerationRun.MeasureAsync(model.Folder, configuration, workloads, cancellationToken);
        }

        return results;
    }

    private static void Tell(string what) => Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {what}");
}
