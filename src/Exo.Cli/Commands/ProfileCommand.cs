using System.CommandLine;
using Exo.Cli.Output;
using Exo.Sdk;
using Exo.Sdk.Diagnostics;

namespace Exo.Cli.Commands;

/// <summary><c>exo profile</c>: where the time of a step goes on rank 0.</summary>
internal static class ProfileCommand
{
    // A timeline is made before the model is read; more layers than this would only shorten what is recorded, and that is told.
    private const int MostLayers = 160;

    public static Command Create()
    {
        Option<int> prompt = new("--prompt") { Description = "Tokens to prefill.", HelpName = "N", DefaultValueFactory = _ => 128 };
        Option<int> tokens = new("--tokens") { Description = "Steps to decode.", HelpName = "N", DefaultValueFactory = _ => 64 };
        Option<string?> trace = new("--trace") { Description = "Writes a trace for chrome://tracing or ui.perfetto.dev.", HelpName = "FILE" };
        ClusterArguments cluster = new();
        Command command = new("profile", "Shows where the time of a step goes on rank 0: by phase, for prefill and decode.");
        cluster.AddTo(command);
        command.Options.Add(prompt);
        command.Options.Add(tokens);
        command.Options.Add(trace);
        command.SetWork(async (result, cancellationToken) =>
        {
            (int prefill, int decode) = (result.GetAtLeast(prompt, 1), result.GetAtLeast(tokens, 1));
            StepTimeline timeline = new(GenerationProfile.Capacity(MostLayers, prefill + decode));
            Cluster running = await ClusterArguments.StartAsync(cluster.Read(result).UseTimeline(timeline), cancellationToken).ConfigureAwait(false);
            await using (running.ConfigureAwait(false))
            {
                GenerationProfile profile = await GenerationProfile.MeasureAsync(running, timeline, prefill, decode, cancellationToken).ConfigureAwait(false);
                SafeConsole.Write($"{running.Plan.WorldSize} ranks over {running.Transport}, rank 0 on the backend {running.Backend}\n\n{profile}");
                if (result.GetValue(trace) is { } file)
                {
                    using FileStream stream = File.Create(file);
                    StepTrace.Write(stream, [.. profile.Spans], "rank 0");
                }
            }
        });
        return command;
    }
}
