using System.CommandLine;
using System.Globalization;
using System.Text;
using Exo.Cli.Output;
using Exo.Sdk;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Cli.Commands;

/// <summary><c>exo plan</c>: how a model would be divided and what each rank would take, without loading it.</summary>
internal static class PlanCommand
{
    private const int ShownTensors = 8;

    public static Command Create()
    {
        Option<double?> memory = new("--memory")
        {
            Description = "Memory of each rank in GiB. Default: what each machine has, divided by the ranks on it.",
            HelpName = "GIB",
        };
        Option<int> sequences = new("--sequences")
        {
            Description = "Texts generated at a time.",
            HelpName = "N",
            DefaultValueFactory = _ => 4,
        };
        ClusterArguments cluster = new();
        Command command = new("plan", "Shows how a model is divided among ranks and what each takes in memory: the plan that 'exo run' would follow.");
        cluster.AddTo(command);
        command.Options.Add(memory);
        command.Options.Add(sequences);
        command.SetWork(async (result, cancellationToken) =>
        {
            ClusterBuilder builder = cluster.Read(result).UseMaxSequences(result.GetAtLeast(sequences, 1));
            if (result.GetWithin(memory, value => value is null or > 0, "above 0") is { } gib)
            {
                builder.UsePlanner(new AssumedMemory(new ShardPlanner(), (long)(gib * (1L << 30))));
            }

            SafeConsole.Write(Render(await builder.PlanAsync(cancellationToken).ConfigureAwait(false)));
        });
        return command;
    }

    private static string Render(ClusterPreview preview)
    {
        ModelSpec spec = preview.Model;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{spec.Architecture}: {spec.Layers.Count} layers, hidden {spec.HiddenSize}, ");
        text.Append(CultureInfo.InvariantCulture, $"{Dimensions(spec)}, vocabulary {spec.VocabularySize}\n");
        text.Append(ShardPlanText.Render(preview.Plan)).Append('\n');
        if (preview.UnusedTensors is { Count: > 0 } unused)
        {
            text.Append(CultureInfo.InvariantCulture, $"{unused.Count} tensors in the model's files are not used: {string.Join(", ", unused.Take(ShownTensors))}");
            text.Append(unused.Count > ShownTensors ? ", …\n" : "\n");
        }

        return text.ToString();
    }

    /// <summary>Plans for ranks that have as much memory as is said, whatever they have.</summary>
    private sealed class AssumedMemory(IShardPlanner planner, long bytes) : IShardPlanner
    {
        public ShardPlan Plan(ModelSpec spec, PlanRequest request) =>
            planner.Plan(spec, request with { Devices = [.. request.Devices.Select(device => device with { AvailableMemory = bytes })] });
    }

    // Layers of one kind are named once.
    private static string Dimensions(ModelSpec spec) =>
        string.Join(", ", spec.Layers.SelectMany(static layer => layer.Parts).Select(static part => part.Dimensions).Distinct());
}
