using System.CommandLine;
using System.Text.Json;
using Exo.Benchmarks.Measurement;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>What this program runs in processes of their own; not meant for people.</summary>
internal static class MeasureCommand
{
    public static Command Create() => new("measure", "Runs one measurement of another command.") { Generation(), AllReduceRank() };

    private static Command Generation()
    {
        Argument<string> folder = new("folder");
        Argument<int> ranks = new("ranks");
        Argument<int> threads = new("threads");
        Argument<ActivationPrecision> activations = new("activations");
        Argument<int> prompt = new("prompt");
        Argument<int> tokens = new("tokens");
        Command command = new("generation") { folder, ranks, threads, activations, prompt, tokens };
        command.SetAction(async (result, cancellationToken) =>
        {
            Configuration configuration = new(result.GetValue(ranks), result.GetValue(threads), result.GetValue(activations));
            GenerationResult measured = await GenerationRun.RunAsync(
                result.GetValue(folder)!, configuration, result.GetValue(prompt), result.GetValue(tokens), cancellationToken);
            Console.WriteLine(JsonSerializer.Serialize(measured));
        });
        return command;
    }

    private static Command AllReduceRank()
    {
        Argument<string> transport = new("transport");
        Argument<WirePrecision> precision = new("precision");
        Argument<string> algorithm = new("algorithm");
        Argument<int> rank = new("rank");
        Argument<string> sizes = new("sizes");
        Argument<int> milliseconds = new("milliseconds");
        Command command = new("allreduce-rank") { transport, precision, algorithm, rank, sizes, milliseconds };
        command.SetAction((result, cancellationToken) => AllReduceRun.RunRankAsync(
            new Wires("", result.GetValue(transport)!, result.GetValue(precision), result.GetValue(algorithm)!),
            result.GetValue(rank),
            [.. result.GetValue(sizes)!.Split(',').Select(int.Parse)],
            TimeSpan.FromMilliseconds(result.GetValue(milliseconds)),
            cancellationToken));
        return command;
    }
}
