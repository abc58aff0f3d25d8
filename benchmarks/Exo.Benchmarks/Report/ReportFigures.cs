using Exo.Benchmarks.Commands;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;

namespace Exo.Benchmarks.Report;

/// <summary>
/// The figures of a report: medians over rounds, quotients taken round by round. Where exact and int8 activations are both measured, a
/// target stands beside both.
/// </summary>
/// <param name="rounds">At least one.</param>
/// <param name="s">Shape S.</param>
/// <param name="t">Shape T.</param>
internal sealed class ReportFigures(IReadOnlyList<ReportRound> rounds, ShapeFacts s, ShapeFacts t)
{
    private const int AllReduceBytes = 16 << 10;

    // Decode of two ranks is to be 33 tokens a second where one thread of raw ONNX Runtime gives 21.
    private const double PairOverBaseline = 33.0 / 21.0;

    private readonly List<Figure> _figures = [];

    /// <summary>All figures, those of the issue's table with their targets.</summary>
    /// <param name="four">S on four ranks once, for memory, or null.</param>
    /// <param name="allocations">What was counted.</param>
    public IReadOnlyList<Figure> Make(GenerationResult? four, Allocations allocations)
    {
        _figures.Clear();
        _figures.AddRange(LimitsCommand.FiguresOf([.. rounds.Select(static round => round.Limits)]));
        if (rounds[0].Limits.Count > 1)
        {
            _figures.Add(Figure.Of("bandwidth ceiling of a pair: memory read, 2 threads ÷ 1 thread", Read(2) / Read(1), "×"));
        }

        foreach (ActivationPrecision activations in ReportRound.Precisions)
        {
            AddDecodeOfS(activations);
        }

        AddSpeed(s, "decode", ReportRound.Baseline(1), DecodeOf(ReportRound.Baseline(1)));
        AddSpeed(s, "decode", ReportRound.Baseline(2), DecodeOf(ReportRound.Baseline(2)));
        AddPrefill(ReportRound.ShortPrompt, workload: 0);
        AddPrefill(ReportRound.LongPrompt, workload: 1);
        foreach (ActivationPrecision activations in ReportRound.Precisions)
        {
            AddDecodeOfT(activations);
        }

        AddAllReduce();
        AddMemory(four);
        AddLoad();
        AddAllocations(allocations);
        return [.. _figures];
    }

    private static string Text(ActivationPrecision activations) => activations == ActivationPrecision.Int8 ? "int8" : "exact";

    private Samples Each(Func<ReportRound, double> value) => new(rounds.Select(value));

    private Samples Limit(int threads, Func<MachineLimits, double> value) =>
        Each(round => value(round.Limits.FirstOrDefault(limits => limits.Threads == threads) ?? round.Limits[^1]));

    private Samples Read(int threads) => Limit(threads, static limits => limits.ReadBytesPerSecond);

    private Samples DecodeOf(Configuration configuration) => Each(round => round.S[configuration].Speeds[0].Decode);

    private void AddSpeed(ShapeFacts shape, string what, Configuration configuration, Samples speed) =>
        _figures.Add(Figure.Of($"{what} {shape.Name}, {configuration}", speed, "tok/s"));

    private void AddDecodeOfS(ActivationPrecision activations)
    {
        Configuration one = ReportRound.Own(1, 1, activations);
        Configuration two = ReportRound.Own(1, 2, activations);
        Configuration pair = ReportRound.Own(2, 1, activations);
        AddSpeed(s, "decode", one, DecodeOf(one));
        AddSpeed(s, "decode", two, DecodeOf(two));
        _figures.Add(Figure.AtLeast(
            $"decode {s.Name}, {pair}; scaled: 33 where one thread of ONNX Runtime gives 21",
            DecodeOf(pair),
            "tok/s",
            PairOverBaseline * DecodeOf(ReportRound.Baseline(1)).Median));
        _figures.Add(Figure.AtLeast(
            $"decode {s.Name}, {one}: weight bytes/s ÷ memory read, 1 thread", DecodeOf(one) * s.BytesPerToken / Read(1), "×", 0.60));
        _figures.Add(Figure.AtLeast(
            $"decode {s.Name}, {two}: weight bytes/s ÷ memory read, 2 threads", DecodeOf(two) * s.BytesPerToken / Read(2), "×", 0.75));
        _figures.Add(Figure.AtLeast(
            $"decode {s.Name}, {Text(activations)}: 2 ranks × 1 thread ÷ 1 rank × 1 thread", DecodeOf(pair) / DecodeOf(one), "×", 1.85));
    }

    private void AddPrefill(int prompt, int workload)
    {
        foreach (int threads in (int[])[1, 2])
        {
            Samples baseline = Prefill(ReportRound.Baseline(threads));
            AddSpeed(s, $"prefill {prompt}", ReportRound.Baseline(threads), baseline);
            foreach (ActivationPrecision activations in ReportRound.Precisions)
            {
                Configuration own = ReportRound.Own(1, threads, activations);
                Samples speed = Prefill(own);
                AddSpeed(s, $"prefill {prompt}", own, speed);
                _figures.Add(Figure.AtLeast(
                    $"prefill {prompt} {s.Name}, {own} ÷ ONNX Runtime, int8, {LimitsCommand.Threads(threads)}", speed / baseline, "×", 1.3));
                Samples peak = activations == ActivationPrecision.Int8
                    ? Limit(threads, static limits => limits.Int8PerSecond)
                    : Limit(threads, static limits => limits.Float32PerSecond);
                _figures.Add(Figure.Of(
                    $"prefill {prompt} {s.Name}, {own}: share of the {(activations == ActivationPrecision.Int8 ? "int8" : "float32")} peak, {LimitsCommand.Threads(threads)}",
                    speed * (2.0 * s.ProductsPerToken) / peak,
                    "×"));
            }
        }

        foreach (ActivationPrecision activations in ReportRound.Precisions)
        {
            AddSpeed(s, $"prefill {prompt}", ReportRound.Own(2, 1, activations), Prefill(ReportRound.Own(2, 1, activations)));
        }

        Samples Prefill(Configuration configuration) => Each(round => round.S[configuration].Speeds[workload].Prefill);
    }

    private void AddDecodeOfT(ActivationPrecision activations)
    {
        Configuration[] configurations = [ReportRound.Own(1, 1, activations), ReportRound.Own(1, 2, activations), ReportRound.Own(2, 1, activations)];
        foreach (Configuration configuration in configurations)
        {
            AddSpeed(t, "decode", configuration, Decode(configuration));
        }

        _figures.Add(Figure.AtLeast($"decode {t.Name}, {Text(activations)}: 2 ranks ÷ 1 rank", Decode(configurations[2]) / Decode(configurations[0]), "×", 1.3));

        Samples Decode(Configuration configuration) => Each(round => round.T[configuration].Speeds[0].Decode);
    }

    private void AddAllReduce()
    {
        foreach (Wires wires in ReportRound.Wires)
        {
            for (int i = 0; i < AllReduceRun.Sizes.Length; i++)
            {
                int size = i;
                string name = $"all-reduce float32, 2 ranks, {wires.Name}, {AllReduceCommand.SizeText(AllReduceRun.Sizes[i])}";
                Samples time = Each(round => round.AllReduce[wires][size]);
                double? target = AllReduceRun.Sizes[i] != AllReduceBytes ? null : wires == Wires.Tcp ? 24 : wires == Wires.Shared ? 14 : null;
                _figures.Add(target is { } most ? Figure.AtMost(name, time, "µs", most) : Figure.Of(name, time, "µs"));
            }
        }
    }

    private void AddMemory(GenerationResult? four)
    {
        GenerationResult one = rounds[^1].S[ReportRound.Own(1, 1, ActivationPrecision.Float32)];
        GenerationResult two = rounds[^1].S[ReportRound.Own(2, 1, ActivationPrecision.Float32)];
        GenerationResult[] results = four is null ? [one, two] : [one, two, four];
        foreach (GenerationResult result in results)
        {
            string ranks = $"{result.Ranks.Count} rank{(result.Ranks.Count == 1 ? "" : "s")}";
            _figures.Add(new Figure($"shard of {s.Name}, {ranks}, largest", result.Ranks.Max(static rank => rank.Planned) / 1e6, "MB"));
            _figures.Add(new Figure($"process growth with {s.Name}, {ranks}, largest", result.Ranks.Max(static rank => rank.Growth) / 1e6, "MB"));
            _figures.Add(Figure.AtMost(
                $"rank memory ÷ shard, KV and buffers aside, {s.Name}, {ranks}, largest", result.Ranks.Max(static rank => rank.Overhead), "×", 1.10));
        }

        (double constant, double perByte) = RankResidence.Fit([.. results.SelectMany(static result => result.Ranks)]);
        _figures.Add(new Figure("process memory whichever the shard, fitted over all of these", constant / 1e6, "MB"));
        _figures.Add(new Figure("process memory for each byte of the shard, fitted over all of these", perByte, "×"));
    }

    private void AddLoad()
    {
        Samples pageCache = Each(static round => round.PageCacheSeconds);
        Samples keep = Each(static round => round.KeepSeconds);
        _figures.Add(Figure.Of($"read the files of {s.Name} from the page cache, 1 thread", pageCache, "s"));
        _figures.Add(Figure.Of($"read the files of {s.Name} from the page cache into fresh memory, 1 thread", keep, "s"));
        foreach (int threads in (int[])[1, 2])
        {
            Configuration configuration = ReportRound.Own(1, threads, ActivationPrecision.Float32);
            Samples load = Each(round => round.S[configuration].LoadSeconds);
            _figures.Add(Figure.Of($"start of a cluster with {s.Name}, {configuration}, first in its process", Each(round => round.S[configuration].StartSeconds), "s"));
            _figures.Add(Figure.Of($"load {s.Name}, {configuration}", load, "s"));
            _figures.Add(Figure.AtMost($"load {s.Name}, {configuration} ÷ read from the page cache", load / pageCache, "×", 1.5));
            _figures.Add(Figure.AtMost($"load {s.Name}, {configuration} ÷ read from the page cache into fresh memory", load / keep, "×", 1.5));
        }
    }

    private void AddAllocations(Allocations allocations)
    {
        for (int rank = 0; rank < allocations.RankThreads.Count; rank++)
        {
            _figures.Add(Figure.AtMost($"managed bytes allocated per decoded token of exo-tiny, thread of rank {rank}", allocations.RankThreads[rank], "B", 0));
        }

        _figures.Add(new Figure("managed bytes allocated per decoded token, whole process with 2 ranks and the caller", allocations.Process, "B"));
    }
}
