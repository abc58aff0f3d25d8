using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Commands;

/// <summary>Latency of all-reduce by size.</summary>
internal static class AllReduceCommand
{
    public static readonly Wires[] All = [Wires.Shared, Wires.Tcp, Wires.TcpBFloat16, Wires.TcpInt8, Wires.Threads];

    public static Command Create()
    {
        Option<int> ranks = new("--ranks") { Description = "Ranks, 2 to 8.", DefaultValueFactory = _ => 2 };
        Option<int> rounds = new("--rounds") { Description = "Repetitions, each with fresh processes.", DefaultValueFactory = _ => 5 };
        Option<int> time = new("--milliseconds") { Description = "Time for each size in a repetition.", DefaultValueFactory = _ => 500 };
        Option<bool> doubling = new("--doubling") { Description = "Also recursive doubling over send and receive, for comparison. 2, 4 or 8 ranks." };
        Command command = new("allreduce", "Latency of float32 all-reduce by size: processes over shared memory and TCP on loopback, reduced precision on the wire, and threads of one process.") { ranks, rounds, time, doubling };
        command.SetAction(async (result, cancellationToken) =>
        {
            Wires[] columns = [.. All, .. result.GetValue(doubling) ? [Wires.SharedDoubling, Wires.TcpDoubling] : Array.Empty<Wires>()];
            IReadOnlyList<IReadOnlyList<double>> medians = await MeasureAsync(
                columns, result.GetValue(ranks), result.GetValue(rounds), TimeSpan.FromMilliseconds(result.GetValue(time)), cancellationToken);
            Console.WriteLine($"{MachineText.Describe()}\n\nAll-reduce of {result.GetValue(ranks)} ranks, median microseconds.\n");
            MarkdownTable table = new(["Size", .. columns.Select(static wires => wires.Name)]);
            for (int i = 0; i < AllReduceRun.Sizes.Length; i++)
            {
                table.Add([SizeText(AllReduceRun.Sizes[i]), .. medians.Select(column => Figure.Digits(column[i]))]);
            }

            Console.Write(table);
        });
        return command;
    }

    /// <summary>Measures all in turn.</summary>
    /// <returns>Median microseconds by wires and size.</returns>
    public static async Task<IReadOnlyList<IReadOnlyList<double>>> MeasureAsync(
        IReadOnlyList<Wires> columns, int ranks, int rounds, TimeSpan perSize, CancellationToken cancellationToken)
    {
        List<IReadOnlyList<double>>[] measured = [.. columns.Select(static _ => new List<IReadOnlyList<double>>())];
        for (int round = 0; round < rounds; round++)
        {
            Console.Error.WriteLine($"all-reduce of {ranks} ranks: round {round + 1} of {rounds}");
            for (int i = 0; i < columns.Count; i++)
            {
                measured[i].Add(columns[i] == Wires.Threads
                    ? await AllReduceRun.InProcessAsync(ranks, AllReduceRun.Sizes, perSize, cancellationToken)
                    : await AllReduceRun.BetweenProcessesAsync(columns[i], ranks, AllReduceRun.Sizes, perSize, cancellationToken));
            }
        }

        return [.. measured.Select(static column => Medians(column))];
    }

    public static string SizeText(int bytes) => bytes >= 1 << 20 ? $"{bytes >> 20} MiB" : $"{bytes >> 10} KiB";

    private static double[] Medians(List<IReadOnlyList<double>> rounds) =>
        [.. Enumerable.Range(0, rounds[0].Count).Select(i => Median.Of(rounds.Select(round => round[i])))];
}
