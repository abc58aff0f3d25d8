using System.CommandLine;
using System.Diagnostics;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Report;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>Every figure in one run.</summary>
internal static class ReportCommand
{
    // What is left of ten minutes goes to building, writing models, and what is measured once.
    private static readonly TimeSpan RoundsLimit = TimeSpan.FromMinutes(8.5);

    public static Command Create()
    {
        Option<FileInfo?> json = new("--json") { Description = "Where to write the figures as JSON: an array of {name, value, unit, target, met}." };
        Option<FileInfo?> markdown = new("--markdown") { Description = "Where to write the tables as Markdown; standard output always has them." };
        Option<FileInfo?> readme = new("--readme") { Description = $"A file in which to replace what stands between {ReadmeSection.Begin} and {ReadmeSection.End}." };
        Option<int> rounds = new("--rounds") { Description = "Rounds at most; none is begun that would not end in time.", DefaultValueFactory = _ => 7 };
        Command command = new("report", "Every figure in less than 10 minutes, with its target and the machine's own limits.") { json, markdown, readme, rounds };
        command.SetAction(async (result, cancellationToken) =>
        {
            string? readmeText = result.GetValue(readme) is { } readmeFile ? await File.ReadAllTextAsync(readmeFile.FullName, cancellationToken) : null;
            _ = readmeText is null ? "" : ReadmeSection.Replace(readmeText, "");
            (IReadOnlyList<Figure> figures, int count) = await MeasureAsync(result.GetValue(rounds), cancellationToken);
            ReportText text = new(figures, count, MachineText.Describe());
            Console.Write(text);
            await WriteAsync(result.GetValue(markdown), text.ToString(), cancellationToken);
            await WriteAsync(result.GetValue(json), Figure.ToJson(figures), cancellationToken);
            if (readmeText is not null)
            {
                await WriteAsync(result.GetValue(readme), ReadmeSection.Replace(readmeText, text.ToReadme()), cancellationToken);
            }
        });
        return command;
    }

    private static async Task<(IReadOnlyList<Figure> Figures, int Rounds)> MeasureAsync(int most, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        using BenchmarkModel s = BenchmarkModel.Open("s");
        using BenchmarkModel t = BenchmarkModel.Open("t");
        Allocations allocations = await AllocationRun.MeasureAsync(TinyModel.Path4Bit, cancellationToken);
        GenerationResult four = await GenerationRun.MeasureAsync(s.Folder, ReportRound.Own(4, 1, ActivationPrecision.Float32), [new Workload(16, 8)], cancellationToken);
        List<ReportRound> rounds = [];
        TimeSpan longest = TimeSpan.Zero;
        while (rounds.Count < most && (rounds.Count == 0 || Stopwatch.GetElapsedTime(began) + longest < RoundsLimit))
        {
            Console.Error.WriteLine($"round {rounds.Count + 1} of at most {most}");
            long start = Stopwatch.GetTimestamp();
            rounds.Add(await ReportRound.MeasureAsync(s, t, cancellationToken));
            TimeSpan taken = Stopwatch.GetElapsedTime(start);
            longest = taken > longest ? taken : longest;
        }

        return (new ReportFigures(rounds, s.Shape, t.Shape).Make(four, allocations), rounds.Count);
    }

    private static async Task WriteAsync(FileInfo? file, string text, CancellationToken cancellationToken)
    {
        if (file is not null)
        {
            await File.WriteAllTextAsync(file.FullName, text, cancellationToken);
        }
    }
}
