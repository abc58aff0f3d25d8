using System.CommandLine;
using System.Diagnostics;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>Prefill and decode speed by ranks.</summary>
internal static class DecodeCommand
{
    public static Command Create()
    {
        Option<string> model = ModelOption();
        Option<string> ranks = new("--ranks") { Description = "Numbers of ranks to compare.", DefaultValueFactory = _ => "1,2" };
        Option<string> threads = new("--threads") { Description = "Threads of each rank to compare.", DefaultValueFactory = _ => "1" };
        Option<int> prompt = new("--prompt") { Description = "Tokens to prefill.", DefaultValueFactory = _ => 128 };
        Option<int> tokens = new("--tokens") { Description = "Tokens to decode.", DefaultValueFactory = _ => 64 };
        Option<int> rounds = new("--rounds") { Description = "Runs of each configuration.", DefaultValueFactory = _ => 5 };
        Option<bool> int8 = new("--int8") { Description = "Measures 8-bit integer activations as well." };
        Command command = new("decode", "Prefill and decode tokens a second by ranks (processes) and threads, through the public API.")
        {
            model, ranks, threads, prompt, tokens, rounds, int8,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            ActivationPrecision[] activations = result.GetValue(int8) ? [ActivationPrecision.Float32, ActivationPrecision.Int8] : [ActivationPrecision.Float32];
            Configuration[] configurations =
            [
                .. from rank in Numbers(result.GetValue(ranks)!)
                   from thread in Numbers(result.GetValue(threads)!)
                   from activation in activations
                   select new Configuration(rank, thread, activation),
            ];
            using BenchmarkModel opened = BenchmarkModel.Open(result.GetValue(model)!);
            Console.WriteLine($"{MachineText.Describe()}\n");
            Console.WriteLine($"Model {opened.Name}: {opened.BytesPerToken / 1e6:F0} MB of weights a token; prompt {result.GetValue(prompt)}, decode {result.GetValue(tokens)} tokens.\n");
            IReadOnlyList<GenerationResult> medians = await MeasureAsync(
                opened, configurations, result.GetValue(prompt), result.GetValue(tokens), result.GetValue(rounds), cancellationToken);
            Console.Write(Table(opened, configurations, medians));
        });
        return command;
    }

    public static Option<string> ModelOption() => new("--model")
    {
        Description = $"A model folder, or {BenchmarkModel.Presets}.",
        DefaultValueFactory = _ => "s",
    };

    public static IEnumerable<int> Numbers(string list) => list.Split(',').Select(int.Parse);

    /// <summary>
    /// Measures configurations in turn, round after round, so that a slow spell of the machine meets all of them. No round is begun
    /// after the time limit, where there is one.
    /// </summary>
    /// <returns>The medians of each configuration; memory of its last run.</returns>
    public static async Task<IReadOnlyList<GenerationResult>> MeasureAsync(
        BenchmarkModel model,
        IReadOnlyList<Configuration> configurations,
        int prompt,
        int tokens,
        int rounds,
        CancellationToken cancellationToken,
        TimeSpan? limit = null)
    {
        long began = Stopwatch.GetTimestamp();
        List<GenerationResult>[] runs = [.. configurations.Select(static _ => new List<GenerationResult>())];
        for (int round = 0; round < rounds && (round == 0 || limit is null || Stopwatch.GetElapsedTime(began) < limit); round++)
        {
            for (int i = 0; i < configurations.Count; i++)
            {
                Console.Error.WriteLine($"{model.Name}, {configurations[i]}: round {round + 1} of {rounds}");
                runs[i].Add(await GenerationRun.MeasureAsync(model.Folder, configurations[i], prompt, tokens, cancellationToken));
            }
        }

        return [.. runs.Select(static results => results[^1] with
        {
            LoadSeconds = Median.Of(results.Select(static result => result.LoadSeconds)),
            PrefillTokensPerSecond = Median.Of(results.Select(static result => result.PrefillTokensPerSecond)),
            DecodeTokensPerSecond = Median.Of(results.Select(static result => result.DecodeTokensPerSecond)),
            AllocatedPerToken = Median.Of(results.Select(static result => result.AllocatedPerToken)),
        })];
    }

    private static string Table(BenchmarkModel model, Configuration[] configurations, IReadOnlyList<GenerationResult> medians)
    {
        MarkdownTable table = new("Configuration", "Prefill tok/s", "Decode tok/s", "× first", "GB/s of weights", "Load s");
        for (int i = 0; i < configurations.Length; i++)
        {
            double decode = medians[i].DecodeTokensPerSecond;
            table.Add(
                configurations[i].ToString(),
                Figure.Digits(medians[i].PrefillTokensPerSecond),
                Figure.Digits(decode),
                Figure.Digits(decode / medians[0].DecodeTokensPerSecond),
                Figure.Digits(decode * model.BytesPerToken / 1e9),
                Figure.Digits(medians[i].LoadSeconds));
        }

        return table.ToString();
    }
}
