using System.CommandLine;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Cli.Commands;

/// <summary><c>exo plan</c>: how a model would be divided and what each rank would take, without loading it.</summary>
internal static class PlanCommand
{
    private const int DefaultContextLimit = 4096;

    public static Command Create()
    {
        Option<double?> memory = new("--memory")
        {
            Description = "Memory of each rank in GiB. Default: this machine's, divided by the ranks.",
            HelpName = "GIB",
        };
        Option<int> sequences = new("--sequences")
        {
            Description = "Texts generated at a time.",
            HelpName = "N",
            DefaultValueFactory = _ => 4,
        };
        ModelArguments model = new();
        Command command = new("plan", "Shows how a model is divided among ranks and what each takes in memory.");
        model.AddTo(command);
        command.Options.Add(memory);
        command.Options.Add(sequences);
        command.SetWork((result, _) =>
        {
            string folder = model.Folder(result);
            using WeightSource weights = SafetensorsWeightSource.Open(folder);
            ModelSpec spec = ModelSpecReader.Read(folder, weights);
            int ranks = result.GetAtLeast(model.Ranks, 1);
            long available = result.GetWithin(memory, value => value is null or > 0, "above 0") is { } gib
                ? (long)(gib * (1L << 30))
                : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / ranks;
            ShardPlan plan = new ShardPlanner().Plan(spec, new PlanRequest
            {
                Devices = [.. Enumerable.Range(0, ranks).Select(rank => new DeviceProfile { Name = $"rank {rank}", AvailableMemory = available })],
                Shares = model.SharesOf(result),
                ContextLength = result.GetAtLeast(model.Context, 1) ?? Math.Min(spec.MaxContextLength, DefaultContextLimit),
                MaxSequences = result.GetAtLeast(sequences, 1),
                KeyValues = result.GetValue(model.KeyValues),
            });
            Console.Out.WriteLine($"{spec.Architecture}: {spec.Layers.Count} layers, hidden {spec.HiddenSize}, {Dimensions(spec)}, vocabulary {spec.VocabularySize}");
            Console.Out.WriteLine(ShardPlanText.Render(plan));
            return Task.CompletedTask;
        });
        return command;
    }

    // Layers of one kind are named once.
    private static string Dimensions(ModelSpec spec) =>
        string.Join(", ", spec.Layers.SelectMany(static layer => layer.Parts).Select(static part => part.Dimensions).Distinct());
}
