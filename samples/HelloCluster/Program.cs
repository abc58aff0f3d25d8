// Two ranks in two processes of this program generate one text. Arguments: the prompt, and optionally the number of ranks.
using Exo.Sdk;
using Exo.Sdk.Planning;

string prompt = args.Length > 0 ? args[0] : "Tell me a story about a dog.";
int ranks = args.Length > 1 ? int.Parse(args[1]) : 2;

await using Cluster cluster = await new ClusterBuilder()
    .UseModel(TinyModel.Path)
    .UseLocalRanks(ranks, RankHosting.ChildProcess)
    .UseContextLength(512)
    .BuildAsync();

Console.WriteLine($"{ranks} ranks over {cluster.Transport}, computing with {cluster.Backend}");
Console.WriteLine(ShardPlanText.Render(cluster.Plan));
Console.WriteLine($"> {prompt}");

GenerationUsage usage = default;
await foreach (GeneratedToken token in cluster.GenerateAsync(prompt, GenerationOptions.Greedy))
{
    Console.Write(token.Text);
    usage = token.Usage ?? usage;
}

Console.WriteLine();
Console.WriteLine();
Console.WriteLine($"{usage.GeneratedTokens} tokens at {usage.DecodeTokensPerSecond:F0} tok/s, prompt of {usage.PromptTokens} at {usage.PrefillTokensPerSecond:F0} tok/s");
foreach (RankStatus rank in await cluster.GetRankStatusAsync())
{
    Console.WriteLine(
        $"rank {rank.Rank}: process {rank.Memory.ProcessId} ({rank.Hosting}), shard {Mebibytes(rank.Memory.Shard.Weights)}, process resident {Mebibytes(rank.Memory.Resident)}");
}

static string Mebibytes(long bytes) => $"{bytes / 1048576.0:F1} MiB";
