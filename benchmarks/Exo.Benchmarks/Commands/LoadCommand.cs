using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>Load time and memory by ranks.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        Option<string> model = DecodeCommand.ModelOption();
        Option<string> ranks = new("--ranks") { Description = "Numbers of ranks to compare.", DefaultValueFactory = _ => "1,2,4" };
        Option<int> rounds = new("--rounds") { Description = "Runs of each.", DefaultValueFactory = _ => 3 };
        Command command = new("load", "Load time, and resident memory of each rank's process against its shard.") { model, ranks, rounds };
        command.SetAction(async (result, cancellationToken) =>
        {
            using BenchmarkModel opened = BenchmarkModel.Open(result.GetValue(model)!);
            double pageCache = PageCache.SecondsToRead(opened.Files);
            Configuration[] configurations =
                [.. DecodeCommand.Numbers(result.GetValue(ranks)!).Select(static count => new Configuration(count, 1, ActivationPrecision.Float32))];
            IReadOnlyList<GenerationResult> medians = await DecodeCommand.MeasureAsync(opened, configurations, 16, 8, result.GetValue(rounds), cancellationToken);
            Console.WriteLine($"{MachineText.Describe()}\n");
            Console.WriteLine($"Model {opened.Name}: {opened.FileBytes / 1e6:F0} MB; reading it from the page cache takes {pageCache:F2} s. Growth is taken after a generation.\n");
            MarkdownTable table = new("Ranks", "Load s", "Rank", "Shard MB", "Process grew by MB", "KV and buffers MB", "(growth − KV and buffers) ÷ shard");
            for (int i = 0; i < configurations.Length; i++)
            {
                for (int rank = 0; rank < configurations[i].Ranks; rank++)
                {
                    RankResidence memory = medians[i].Ranks[rank];
                    table.Add(
                        $"{configurations[i].Ranks}",
                        Figure.Digits(medians[i].LoadSeconds),
                        $"{rank}",
                        Figure.Digits(memory.Planned / 1e6),
                        Figure.Digits(memory.Growth / 1e6),
                        Figure.Digits(memory.KeyValuesAndBuffers / 1e6),
                        Figure.Digits(Overhead(memory)));
                }
            }

            Console.Write(table);
            if (configurations.Length > 1)
            {
                (double constant, double perByte) = RankResidence.Fit([.. medians.SelectMany(static median => median.Ranks)]);
                Console.WriteLine($"\nA rank's process takes {constant / 1e6:F0} MB + {perByte:F2} × its shard, KV and buffers aside (least squares over all rows).");
            }
        });
        return command;
    }

    /// <summary>What a rank's process takes for each byte of its shard, KV cache and step buffers aside.</summary>
    public static double Overhead(RankResidence memory) => memory.Weights / (double)memory.Planned;
}
