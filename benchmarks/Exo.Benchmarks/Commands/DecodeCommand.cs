using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Commands;

/// <summary>Prefill and decode speed by ranks.</summary>
internal static class DecodeCommand
{
    public static Command Create()
    {
        ConfigurationOptions options = new(ranks: "1,2");
        Option<string> prompts = new("--prompt") { Description = "Tokens to prefill, for example 128,512.", DefaultValueFactory = _ => "128" };
        Option<int> tokens = new("--tokens") { Description = "Tokens to decode after each prompt.", DefaultValueFactory = _ => 64 };
        Option<int> rounds = new("--rounds") { Description = "Runs of each configuration.", DefaultValueFactory = _ => 5 };
        Command command = new("decode", "Prefill and decode tokens a second by ranks (processes), threads and backend, through the public API.") { prompts, tokens, rounds };
        options.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            Configuration[] configurations = options.Read(result);
            Workload[] workloads = [.. ConfigurationOptions.Numbers(result.GetValue(prompts)!).Select(prompt => new Workload(prompt, result.GetValue(tokens)))];
            using BenchmarkModel model = options.OpenModel(result);
            Console.WriteLine($"{MachineText.Describe()}\n");
            Console.WriteLine($"Model {model.Name}: {model.Shape.BytesPerToken / 1e6:F0} MB of weights a token; {result.GetValue(tokens)} tokens decoded. Medians of {result.GetValue(rounds)} rounds (lowest–highest).\n");
            IReadOnlyList<IReadOnlyList<GenerationResult>> measured =
                await MeasureAsync(model, configurations, workloads, result.GetValue(rounds), cancellationToken);
            Console.Write(Table(model, configurations, workloads, measured));
        });
        return command;
    }

    /// <summary>Measures configurations in turn, round after round, so that a slow spell of the machine meets all of them.</summary>
    /// <returns>The rounds of each configuration.</returns>
    public static async Task<IReadOnlyList<IReadOnlyList<GenerationResult>>> MeasureAsync(
        BenchmarkModel model, IReadOnlyList<Configuration> configurations, IReadOnlyList<Workload> workloads, int rounds, CancellationToken cancellationToken)
    {
        List<GenerationResult>[] runs = [.. configurations.Select(static _ => new List<GenerationResult>())];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < configurations.Count; i++)
            {
                Console.Error.WriteLine($"{model.Name}, {configurations[i]}: round {round + 1} of {rounds}");
                runs[i].Add(await GenerationRun.MeasureAsync(model.Folder, configurations[i], workloads, cancellationToken));
            }
        }

        return runs;
    }

    private static string Table(
        BenchmarkModel model, Configuration[] configurations, Workload[] workloads, IReadOnlyList<IReadOnlyList<GenerationResult>> measured)
    {
        MarkdownTable table = new("Configuration", "Prompt", "Prefill tok/s", "Decode tok/s", "× first", "GB/s of weights", "Load s");
        for (int workload = 0; workload < workloads.Length; workload++)
        {
            for (int i = 0; i < configurations.Length; i++)
            {
                Samples decode = Decode(i);
                table.Add(
                    configurations[i].ToString(),
                    $"{workloads[workload].Prompt}",
                    Text(new Samples(measured[i].Select(run => run.Speeds[workload].Prefill))),
                    Text(decode),
                    Figure.Digits((decode / Decode(0)).Median),
                    Figure.Digits((decode * (model.Shape.BytesPerToken / 1e9)).Median),
                    Text(new Samples(measured[i].Select(static run => run.LoadSeconds))));
            }

            Samples Decode(int configuration) => new(measured[configuration].Select(run => run.Speeds[workload].Decode));
        }

        return table.ToString();
    }

    private static string Text(Samples samples) => samples.Count == 1
        ? Figure.Digits(samples.Median)
        : $"{Figure.Digits(samples.Median)} ({Figure.Digits(samples.Low)}–{Figure.Digits(samples.High)})";
}
