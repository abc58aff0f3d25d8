using System.Diagnostics;
using System.Text.Json;
using Exo.Sdk;
using Exo.Sdk.Inference;

namespace Exo.Benchmarks.Measurement;

/// <summary>How many ranks and threads a generation runs on.</summary>
/// <param name="Ranks">Ranks, each in a process of its own.</param>
/// <param name="Threads">Compute threads of each.</param>
/// <param name="Activations">How numbers enter quantised products.</param>
internal sealed record Configuration(int Ranks, int Threads, ActivationPrecision Activations)
{
    public override string ToString() => $"{Ranks} rank{(Ranks == 1 ? "" : "s")} × {Threads} thread{(Threads == 1 ? "" : "s")}"
        + (Activations == ActivationPrecision.Int8 ? ", int8" : "");
}

/// <summary>What a generation in fresh processes showed.</summary>
/// <param name="LoadSeconds">From an empty cluster to one that takes requests, starting processes included.</param>
/// <param name="PrefillTokensPerSecond">Of the prompt.</param>
/// <param name="DecodeTokensPerSecond">After the first token.</param>
/// <param name="AllocatedPerToken">Managed bytes allocated in rank 0's process for each generated token.</param>
/// <param name="Ranks">Memory by rank.</param>
internal sealed record GenerationResult(
    double LoadSeconds,
    double PrefillTokensPerSecond,
    double DecodeTokensPerSecond,
    double AllocatedPerToken,
    IReadOnlyList<RankResidence> Ranks);

/// <summary>Memory of one rank, in bytes.</summary>
/// <param name="Planned">Weights of its shard, as stored.</param>
/// <param name="Growth">How far its process grew from before loading to after the generation.</param>
/// <param name="KeyValuesAndBuffers">What of that the shard accounts for beside weights.</param>
internal sealed record RankResidence(long Planned, long Growth, long KeyValuesAndBuffers)
{
    /// <summary>What the process grew by beside KV cache and step buffers.</summary>
    public long Weights => Growth - KeyValuesAndBuffers;

    /// <summary>
    /// Fits a line through weights held against weights planned, by least squares: what every process takes whichever its shard
    /// (the runtime's libraries and compiled code), and what each byte of the shard costs.
    /// </summary>
    public static (double Fixed, double PerByte) Fit(IReadOnlyCollection<RankResidence> ranks)
    {
        double planned = ranks.Average(static rank => (double)rank.Planned);
        double held = ranks.Average(static rank => (double)rank.Weights);
        double slope = ranks.Sum(rank => (rank.Planned - planned) * (rank.Weights - held))
            / ranks.Sum(rank => (rank.Planned - planned) * (rank.Planned - planned));
        return (held - (slope * planned), slope);
    }
}

/// <summary>One generation through the public API, in this process and child processes of it.</summary>
internal static class GenerationRun
{
    private const int ContextLength = 1024;
    private const int WarmUpPromptTokens = 32;
    private const int WarmUpTokens = 8;

    /// <summary>Runs it in a process of its own.</summary>
    public static async Task<GenerationResult> MeasureAsync(
        string folder, Configuration configuration, int promptTokens, int decodeTokens, CancellationToken cancellationToken)
    {
        string line = await SelfProcess.RunAsync(
            cancellationToken,
            "measure", "generation", folder, $"{configuration.Ranks}", $"{configuration.Threads}", $"{configuration.Activations}", $"{promptTokens}", $"{decodeTokens}");
        return JsonSerializer.Deserialize<GenerationResult>(line)!;
    }

    /// <summary>Runs it here.</summary>
    public static async Task<GenerationResult> RunAsync(
        string folder, Configuration configuration, int promptTokens, int decodeTokens, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        await using Cluster cluster = await new ClusterBuilder()
            .UseModel(folder)
            .UseLocalRanks(configuration.Ranks, RankHosting.ChildProcess)
            .UseThreadsPerRank(configuration.Threads)
            .UseActivations(configuration.Activations)
            .UseContextLength(ContextLength)
            .UseMaxSequences(1)
            .BuildAsync(cancellationToken);
        double load = Stopwatch.GetElapsedTime(began).TotalSeconds;

        int vocabulary = cluster.Model.VocabularySize;
        Random random = new(1);
        int[] prompt = [.. Enumerable.Range(0, promptTokens).Select(_ => random.Next(vocabulary))];
        await GenerateAsync(cluster, prompt[..Math.Min(promptTokens, WarmUpPromptTokens)], WarmUpTokens, cancellationToken);
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        GenerationUsage usage = await GenerateAsync(cluster, prompt, decodeTokens, cancellationToken);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;

        IReadOnlyList<RankStatus> ranks = await cluster.GetRankStatusAsync(cancellationToken);
        return new GenerationResult(
            load,
            usage.PrefillTokensPerSecond,
            usage.DecodeTokensPerSecond,
            (double)allocated / usage.GeneratedTokens,
            [.. ranks.Zip(cluster.Plan.Ranks, static (status, plan) => new RankResidence(
                plan.WeightBytes,
                status.Memory.Resident - status.Memory.ResidentBefore,
                status.Memory.Shard.KeyValueCache + status.Memory.Shard.Buffers))]);
    }

    private static async Task<GenerationUsage> GenerateAsync(Cluster cluster, int[] prompt, int tokens, CancellationToken cancellationToken)
    {
        GenerationUsage usage = default;
        GenerationOptions options = GenerationOptions.Greedy with { MaxTokens = tokens, IgnoreEndTokens = true };
        await foreach (GeneratedToken token in cluster.GenerateAsync(Prompt.Tokens(prompt), options, cancellationToken))
        {
            usage = token.Usage ?? usage;
        }

        return usage;
    }
}
