using System.CommandLine;
using System.Text.Json;
using Exo.Benchmarks.Measurement;
using Exo.Sdk;

namespace Exo.Benchmarks.Commands;

/// <summary>What this program runs in processes of their own; not meant for people.</summary>
internal static class MeasureCommand
{
    public static Command Create() => new("measure", "Runs one measurement of another command.") { Generation(), AllReduceRank(), Limits(), OfAllocations() };

    private static Command Generation()
    {
        Argument<string> folder = new("folder");
        Argument<string> configuration = new("configuration");
        Argument<string> workloads = new("workloads");
        Command command = new("generation") { folder, configuration, workloads };
        command.SetAction(async (result, cancellationToken) => Tell(await GenerationRun.RunAsync(
            result.GetValue(folder)!,
            JsonSerializer.Deserialize<Configuration>(result.GetValue(configuration)!)!,
            JsonSerializer.Deserialize<Workload[]>(result.GetValue(workloads)!)!,
            cancellationToken)));
        return command;
    }

    private static Command Limits()
    {
        Command command = new("limits");
        command.SetAction(_ => Tell(MachineLimits.ThreadCounts.Select(MachineLimits.Measure).ToArray()));
        return command;
    }

    private static Command OfAllocations()
    {
        Argument<string> folder = new("folder");
        Command command = new("allocations") { folder };
        command.SetAction(async (result, cancellationToken) => Tell(await AllocationRun.RunAsync(result.GetValue(folder)!, cancellationToken)));
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

    private static void Tell<T>(T result) => Console.WriteLine(JsonSerializer.Serialize(result));
}
