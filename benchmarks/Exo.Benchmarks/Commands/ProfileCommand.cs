using System.CommandLine;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;
using Exo.Sdk.Diagnostics;

namespace Exo.Benchmarks.Commands;

/// <summary>Where the time of a step goes.</summary>
internal static class ProfileCommand
{
    public static Command Create()
    {
        ConfigurationOptions options = new(ranks: "1");
        Option<int> prompt = new("--prompt") { Description = "Tokens to prefill.", DefaultValueFactory = _ => 128 };
        Option<int> tokens = new("--tokens") { Description = "Steps to decode.", DefaultValueFactory = _ => 64 };
        Option<FileInfo?> trace = new("--trace") { Description = "Where to write a trace of the last configuration, for chrome://tracing or ui.perfetto.dev." };
        Command command = new("profile", "Where the time of a step goes on rank 0: a table by phase for prefill and decode, and a trace file.") { prompt, tokens, trace };
        options.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using BenchmarkModel model = options.OpenModel(result);
            Console.WriteLine(MachineText.Describe());
            foreach (Configuration configuration in options.Read(result))
            {
                StepTimeline timeline = new(GenerationProfile.Capacity(model.LayerCount, result.GetValue(prompt) + result.GetValue(tokens)));
                await using Cluster cluster = await GenerationRun.Builder(model.Folder, configuration).UseTimeline(timeline).BuildAsync(cancellationToken);
                GenerationProfile profile =
                    await GenerationProfile.MeasureAsync(cluster, timeline, result.GetValue(prompt), result.GetValue(tokens), cancellationToken);
                Console.WriteLine($"\n## {model.Name}, {configuration}, over {cluster.Transport}\n\n{profile}");
                if (result.GetValue(trace) is { } file)
                {
                    using FileStream stream = file.Create();
                    StepTrace.Write(stream, profile.Spans.ToArray(), $"rank 0 of {configuration}");
                }
            }
        });
        return command;
    }
}
