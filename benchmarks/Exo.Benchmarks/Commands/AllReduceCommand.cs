using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Commands;

/// <summary>Latency of all-reduce by size.</summary>
internal static class AllReduceCommand
{
    public static Command Create()
    {
        Option<int> ranks = new("--ranks") { Description = "Ranks, 2 to 8.", DefaultValueFactory = _ => 2 };
        Option<int> rounds = new("--rounds") { Description = "Repetitions, each with fresh processes.", DefaultValueFactory = _ => 5 };
        Option<int> time = new("--milliseconds") { Description = "Time for each size in a repetition.", DefaultValueFactory = _ => 500 };
        Command command = new("allreduce", "Latency of float32 all-reduce by size: processes over TCP on loopback, and threads of one process.") { ranks, rounds, time };
        command.SetAction(async (result, cancellationToken) =>
        {
            (IReadOnlyList<double> tcp, IReadOnlyList<double> inProcess) = await MeasureAsync(
                result.GetValue(ranks), result.GetValue(rounds), TimeSpan.FromMilliseconds(result.GetValue(time)), cancellationToken);
            Console.WriteLine($"{MachineText.Describe()}\n\nAll-reduce of {result.GetValue(ranks)} ranks, median microseconds.\n");
            MarkdownTable table = new("Size", "Processes, TCP", "Threads, in-process");
            for (int i = 0; i < AllReduceRun.Sizes.Length; i++)
            {
                table.Add(SizeText(AllReduceRun.Sizes[i]), Figure.Digits(tcp[i]), Figure.Digits(inProcess[i]));
            }

            Console.Write(table);
        });
        return command;
    }

    /// <summary>Measures both in turn.</summary>
    /// <returns>Median microseconds by size.</returns>
    public static async Task<(IReadOnlyList<double> Tcp, IReadOnlyList<double> InProcess)> MeasureAsync(
        int ranks, int rounds, TimeSpan perSize, CancellationToken cancellationToken)
    {
        List<IReadOnlyList<double>> tcp = [];
        List<IReadOnlyList<double>> inProcess = [];
        for (int round = 0; round < rounds; round++)
        {
            Console.Error.WriteLine($"all-reduce of {ranks} ranks: round {round + 1} of {rounds}");
            tcp.Add(await AllReduceRun.OverTcpAsync(ranks, AllReduceRun.Sizes, perSize, cancellationToken));
            inProcess.Add(await AllReduceRun.InProcessAsync(ranks, AllReduceRun.Sizes, perSize, cancellationToken));
        }

        return (Medians(tcp), Medians(inProcess));
    }

    public static string SizeText(int bytes) => bytes >= 1 << 20 ? $"{bytes >> 20} MiB" : $"{bytes >> 10} KiB";

    private static double[] Medians(List<IReadOnlyList<double>> rounds) =>
        [.. Enumerable.Range(0, rounds[0].Count).Select(i => Median.Of(rounds.Select(round => round[i])))];
}
