using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Commands;

/// <summary>The machine's own limits.</summary>
internal static class LimitsCommand
{
    public static Command Create()
    {
        Option<int> rounds = new("--rounds") { Description = "Repetitions, each in a fresh process.", DefaultValueFactory = _ => 3 };
        Command command = new("limits", "What this machine can do at most: memory read, float32 and int8 multiply-adds, by threads; reading files from the page cache.") { rounds };
        command.SetAction(async (result, cancellationToken) =>
        {
            List<IReadOnlyList<MachineLimits>> measured = [];
            for (int round = 0; round < result.GetValue(rounds); round++)
            {
                Console.Error.WriteLine($"limits: round {round + 1} of {result.GetValue(rounds)}");
                measured.Add(await MachineLimits.MeasureAsync(cancellationToken));
            }

            Console.WriteLine(MachineText.Describe() + "\n");
            Console.Write(MarkdownTable.Of([.. FiguresOf(measured), PageCacheFigure()]));
        });
        return command;
    }

    /// <summary>Figures of all thread counts.</summary>
    /// <param name="rounds">Rounds of measurements of the same thread counts.</param>
    public static IReadOnlyList<Figure> FiguresOf(IReadOnlyList<IReadOnlyList<MachineLimits>> rounds)
    {
        List<Figure> figures = [];
        for (int i = 0; i < rounds[0].Count; i++)
        {
            string threads = Threads(rounds[0][i].Threads);
            figures.Add(Figure.Of($"memory read, {threads}", Each(static limits => limits.ReadBytesPerSecond / 1e9), "GB/s"));
            figures.Add(Figure.Of($"float32 multiply-add peak, {threads}", Each(static limits => limits.Float32PerSecond / 1e9), "GFLOP/s"));
            figures.Add(Figure.Of($"int8 multiply-add peak, {threads}", Each(static limits => limits.Int8PerSecond / 1e9), "Gop/s"));

            Samples Each(Func<MachineLimits, double> value) => new(rounds.Select(round => value(round[i])));
        }

        return figures;
    }

    public static string Threads(int count) => count == 1 ? "1 thread" : $"{count} threads";

    private static Figure PageCacheFigure()
    {
        string file = Path.GetTempFileName();
        try
        {
            byte[] block = new byte[16 << 20];
            Random.Shared.NextBytes(block);
            using (FileStream stream = File.OpenWrite(file))
            {
                for (int i = 0; i < 16; i++)
                {
                    stream.Write(block);
                }
            }

            return new Figure("read from the page cache, 1 thread", 256 * 1.048576 / 1e3 / PageCache.SecondsToRead([file]), "GB/s");
        }
        finally
        {
            File.Delete(file);
        }
    }
}
