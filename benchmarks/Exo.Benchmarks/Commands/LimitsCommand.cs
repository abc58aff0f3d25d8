using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Commands;

/// <summary>The machine's own limits.</summary>
internal static class LimitsCommand
{
    public static Command Create()
    {
        Command command = new("limits", "Memory read bandwidth of this machine, by threads.");
        command.SetAction(_ =>
        {
            Console.WriteLine(MachineText.Describe() + "\n");
            Console.Write(MarkdownTable.Of(Measure()));
        });
        return command;
    }

    public static IReadOnlyList<Figure> Measure()
    {
        int[] threads = [.. new[] { 1, 2, Environment.ProcessorCount }.Where(static count => count <= Environment.ProcessorCount).Distinct()];
        return [.. threads.Select(static count => new Figure(Name(count), ReadBandwidth.Measure(count) / 1e9, "GB/s"))];
    }

    public static string Name(int threads) => $"memory read, {threads} thread{(threads == 1 ? "" : "s")}";
}
