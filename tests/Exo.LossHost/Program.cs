using System.Collections.Concurrent;
using Exo.Sdk;

// A host that goes to one phase of its life and stays there, for tests that kill or freeze it in that phase.
// Arguments: PHASE MODEL KEY RANKS NODE... Each phase is told on standard error as it begins.
string phase = args[0];
ConcurrentDictionary<string, bool> told = [];
string prompt = string.Concat(Enumerable.Repeat("word ", 400));
GenerationOptions endless = new() { Temperature = 0, MaxTokens = 100_000, IgnoreEndTokens = true };
try
{
    Tell("start");
    ClusterBuilder builder = new ClusterBuilder()
        .UseModel(args[1])
        .UseClusterKey(args[2])
        .UseLocalRanks(int.Parse(args[3]), RankHosting.ChildProcess)
        .UseThreadsPerRank(1)
        .ReportProgress(new Stages(() => Tell("load")));
    foreach (string node in args[4..])
    {
        builder.AddNode(node);
    }

    await using Cluster cluster = await builder.BuildAsync();
    await cluster.GenerateTextAsync(Prompt.Raw("a"), endless with { MaxTokens = 2 });
    switch (phase)
    {
        case "prefill":
            Tell("prefill");
            while (true)
            {
                await cluster.GenerateTextAsync(Prompt.Raw(prompt), endless with { MaxTokens = 1 });
            }

        case "decode":
            while (true)
            {
                await foreach (GeneratedToken _ in cluster.GenerateAsync(Prompt.Raw("a"), endless))
                {
                    Tell("decode");
                }
            }

        case "dispose":
            Tell("dispose");
            break;
        default:
            Tell("idle");
            throw await cluster.Faulted;
    }
}
catch (ExoException error)
{
    Console.Error.WriteLine($"{error.GetType().Name}: {error.Message}");
    return 1;
}

return 0;

void Tell(string begun)
{
    if (told.TryAdd(begun, true))
    {
        Console.Error.WriteLine($"phase {begun}");
    }
}

/// <summary>Tells of loading where it begins.</summary>
internal sealed class Stages(Action tell) : IProgress<ClusterProgress>
{
    public void Report(ClusterProgress value)
    {
        if (value.Stage == ClusterStage.Loading)
        {
            tell();
        }
    }
}
