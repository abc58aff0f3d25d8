using System.CommandLine;
using System.Text.Json;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>Every figure in one run.</summary>
internal static class ReportCommand
{
    private const int Rounds = 3;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static Command Create()
    {
        Option<FileInfo?> json = new("--json") { Description = "Where to write the figures as JSON: an array of {name, value, unit, target, met}." };
        Option<FileInfo?> markdown = new("--markdown") { Description = "Where to write the table as Markdown; standard output always has it." };
        Command command = new("report", "Every figure in shortened form, in less than 10 minutes, with the machine's own limits beside.") { json, markdown };
        command.SetAction(async (result, cancellationToken) =>
        {
            List<Figure> figures = [.. LimitsCommand.Measure()];
            await AddShapeSAsync(figures, cancellationToken);
            await AddShapeTAsync(figures, cancellationToken);
            await AddAllReduceAsync(figures, cancellationToken);
            string text = $"{MachineText.Describe()}\n\n{MarkdownTable.Of(figures)}";
            Console.Write(text);
            if (result.GetValue(markdown) is { } markdownFile)
            {
                await File.WriteAllTextAsync(markdownFile.FullName, text, cancellationToken);
            }

            if (result.GetValue(json) is { } jsonFile)
            {
                await File.WriteAllTextAsync(jsonFile.FullName, JsonSerializer.Serialize(figures, Indented) + "\n", cancellationToken);
            }
        });
        return command;
    }

    private static async Task AddShapeSAsync(List<Figure> figures, CancellationToken cancellationToken)
    {
        using BenchmarkModel model = BenchmarkModel.Open("s");
        Configuration[] configurations =
        [
            new(1, 1, ActivationPrecision.Float32),
            new(1, 2, ActivationPrecision.Float32),
            new(2, 1, ActivationPrecision.Float32),
            new(1, 1, ActivationPrecision.Int8),
            new(1, 2, ActivationPrecision.Int8),
            new(2, 1, ActivationPrecision.Int8),
        ];
        IReadOnlyList<GenerationResult> medians = await DecodeCommand.MeasureAsync(model, configurations, 128, 32, Rounds, cancellationToken, TimeSpan.FromMinutes(3));
        for (int i = 0; i < configurations.Length; i++)
        {
            AddSpeeds(figures, model, configurations[i], medians[i]);
        }

        AddBandwidthShare(figures, model, configurations[3], medians[3], threads: 1, target: 0.60);
        AddBandwidthShare(figures, model, configurations[4], medians[4], threads: 2, target: 0.75);
        figures.Add(Figure.AtLeast(
            "decode S, int8: 2 ranks × 1 thread ÷ 1 rank × 1 thread", medians[5].DecodeTokensPerSecond / medians[3].DecodeTokensPerSecond, "×", 1.85));
        figures.Add(new Figure(
            "decode S, float32: 2 ranks × 1 thread ÷ 1 rank × 1 thread", medians[2].DecodeTokensPerSecond / medians[0].DecodeTokensPerSecond, "×"));
        figures.Add(Figure.AtMost("managed bytes allocated per decoded token, rank 0", medians[0].AllocatedPerToken, "B", 0));
        await AddLoadAsync(figures, model, medians[0], medians[2], cancellationToken);
    }

    private static async Task AddLoadAsync(
        List<Figure> figures, BenchmarkModel model, GenerationResult one, GenerationResult two, CancellationToken cancellationToken)
    {
        double pageCache = PageCache.SecondsToRead(model.Files);
        figures.Add(new Figure("read S from the page cache", pageCache, "s"));
        figures.Add(new Figure("load S, 1 rank", one.LoadSeconds, "s"));
        figures.Add(Figure.AtMost("load S, 1 rank ÷ read from the page cache", one.LoadSeconds / pageCache, "×", 1.5));
        GenerationResult four = await GenerationRun.MeasureAsync(model.Folder, new Configuration(4, 1, ActivationPrecision.Float32), 16, 8, cancellationToken);
        (double constant, double perByte) = RankResidence.Fit([.. one.Ranks, .. two.Ranks, .. four.Ranks]);
        figures.Add(new Figure("process memory whichever the shard, fitted over 1, 2 and 4 ranks", constant / 1e6, "MB"));
        figures.Add(Figure.AtMost("process memory for each byte of the shard, fitted over 1, 2 and 4 ranks", perByte, "×", 1.10));
        foreach (GenerationResult result in new[] { one, two, four })
        {
            RankResidence worst = result.Ranks.MaxBy(LoadCommand.Overhead)!;
            string ranks = $"{result.Ranks.Count} rank{(result.Ranks.Count == 1 ? "" : "s")}";
            figures.Add(new Figure($"shard of S, {ranks}, largest", result.Ranks.Max(static rank => rank.Planned) / 1e6, "MB"));
            figures.Add(new Figure($"process growth with S, {ranks}, largest", result.Ranks.Max(static rank => rank.Growth) / 1e6, "MB"));
            figures.Add(Figure.AtMost($"rank memory ÷ shard, KV and buffers aside, S, {ranks}", LoadCommand.Overhead(worst), "×", 1.10));
        }
    }

    private static async Task AddShapeTAsync(List<Figure> figures, CancellationToken cancellationToken)
    {
        using BenchmarkModel model = BenchmarkModel.Open("t");
        Configuration[] configurations = [new(1, 1, ActivationPrecision.Int8), new(2, 1, ActivationPrecision.Int8)];
        IReadOnlyList<GenerationResult> medians = await DecodeCommand.MeasureAsync(model, configurations, 128, 200, Rounds, cancellationToken, TimeSpan.FromMinutes(1));
        for (int i = 0; i < configurations.Length; i++)
        {
            AddSpeeds(figures, model, configurations[i], medians[i]);
        }

        figures.Add(Figure.AtLeast("decode T, int8: 2 ranks ÷ 1 rank", medians[1].DecodeTokensPerSecond / medians[0].DecodeTokensPerSecond, "×", 1.3));
    }

    private static async Task AddAllReduceAsync(List<Figure> figures, CancellationToken cancellationToken)
    {
        Dictionary<Wires, double> targets = new() { [Wires.Shared] = 14, [Wires.Tcp] = 24 };
        IReadOnlyList<IReadOnlyList<double>> medians =
            await AllReduceCommand.MeasureAsync(AllReduceCommand.All, 2, Rounds, TimeSpan.FromMilliseconds(200), cancellationToken);
        foreach ((Wires wires, IReadOnlyList<double> column) in AllReduceCommand.All.Zip(medians))
        {
            for (int i = 0; i < column.Count; i++)
            {
                string name = $"all-reduce of 2, {wires.Name}, {AllReduceCommand.SizeText(AllReduceRun.Sizes[i])}";
                figures.Add(AllReduceRun.Sizes[i] == 16 << 10 && targets.TryGetValue(wires, out double target)
                    ? Figure.AtMost(name, column[i], "µs", target)
                    : new Figure(name, column[i], "µs"));
            }
        }
    }

    private static void AddSpeeds(List<Figure> figures, BenchmarkModel model, Configuration configuration, GenerationResult median)
    {
        figures.Add(new Figure($"decode {model.Name}, {configuration}", median.DecodeTokensPerSecond, "tok/s"));
        figures.Add(new Figure($"prefill {model.Name} of 128, {configuration}", median.PrefillTokensPerSecond, "tok/s"));
    }

    private static void AddBandwidthShare(
        List<Figure> figures, BenchmarkModel model, Configuration configuration, GenerationResult median, int threads, double target)
    {
        if (figures.Find(figure => figure.Name == LimitsCommand.Name(threads)) is { } limit)
        {
            double speed = median.DecodeTokensPerSecond * model.BytesPerToken / 1e9;
            figures.Add(Figure.AtLeast($"decode {model.Name}, {configuration}: weight bytes read ÷ {limit.Name}", speed / limit.Value, "×", target));
        }
    }
}
