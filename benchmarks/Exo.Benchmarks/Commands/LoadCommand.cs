using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Commands;

/// <summary>Load time and memory by ranks.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        ConfigurationOptions options = new(ranks: "1,2,4");
        Option<int> rounds = new("--rounds") { Description = "Runs of each.", DefaultValueFactory = _ => 3 };
        Command command = new("load", "Load time, and resident memory of each rank's process against its shard.") { rounds };
        options.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using BenchmarkModel model = options.OpenModel(result);
            double pageCache = PageCache.SecondsToRead(model.Files);
            Configuration[] configurations = options.Read(result);
            IReadOnlyList<IReadOnlyList<GenerationResult>> measured =
                await DecodeCommand.MeasureAsync(model, configurations, [new Workload(16, 8)], result.GetValue(rounds), cancellationToken);
            Console.WriteLine($"{MachineText.Describe()}\n");
            Console.WriteLine($"Model {model.Name}: {model.FileBytes / 1e6:F0} MB; reading it from the page cache takes {pageCache:F2} s. Growth is taken after a generation.\n");
            MarkdownTable table = new("Configuration", "Load s", "Rank", "Shard MB", "Process grew by MB", "KV and buffers MB", "(growth − KV and buffers) ÷ shard");
            for (int i = 0; i < configurations.Length; i++)
            {
                string load = Figure.Digits(Median.Of(measured[i].Select(static run => run.LoadSeconds)));
                foreach ((RankResidence memory, int rank) in measured[i][^1].Ranks.Select(static (memory, rank) => (memory, rank)))
                {
                    table.Add(
                        $"{configurations[i]}",
                        load,
                        $"{rank}",
                        Figure.Digits(memory.Planned / 1e6),
                        Figure.Digits(memory.Growth / 1e6),
                        Figure.Digits(memory.KeyValuesAndBuffers / 1e6),
                        Figure.Digits(memory.Overhead));
                }
            }

            Console.Write(table);
            RankResidence[] all = [.. measured.SelectMany(static runs => runs[^1].Ranks)];
            if (all.DistinctBy(static rank => rank.Planned).Skip(1).Any())
            {
                (double constant, double perByte) = RankResidence.Fit(all);
                Console.WriteLine($"\nA rank's process takes {constant / 1e6:F0} MB + {perByte:F2} × its shard, KV and buffers aside (least squares over all rows).");
            }
        });
        return command;
    }
}
