using System.Diagnostics;
using System.Text.Json;
using Exo.Sdk;

namespace Exo.Benchmarks.Measurement;

/// <summary>Generations through the public API, in this process and child processes of it.</summary>
internal static class GenerationRun
{
    private const int ContextLength = 1024;
    private const int WarmUpPrompt = 32;
    private const int WarmUpTokens = 16;
    private const int WarmUpRuns = 2;
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(1);

    /// <summary>Runs workloads one after the other in a process of their own.</summary>
    public static async Task<GenerationResult> MeasureAsync(
        string folder, Configuration configuration, IReadOnlyList<Workload> workloads, CancellationToken cancellationToken)
    {
        string line = await SelfProcess.RunAsync(
            cancellationToken, "measure", "generation", folder, JsonSerializer.Serialize(configuration), JsonSerializer.Serialize(workloads));
        return JsonSerializer.Deserialize<GenerationResult>(line)!;
    }

    /// <summary>Runs workloads here.</summary>
    public static async Task<GenerationResult> RunAsync(
        string folder, Configuration configuration, IReadOnlyList<Workload> workloads, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        StageClock stages = new();
        await using Cluster cluster = await Builder(folder, configuration).ReportProgress(stages).BuildAsync(cancellationToken);
        double start = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await WarmUpAsync(cluster, cancellationToken);
        List<GenerationSpeed> speeds = [];
        foreach (Workload workload in workloads)
        {
            GenerationUsage usage = await GenerateAsync(cluster, workload, cancellationToken);
            speeds.Add(new GenerationSpeed(workload, usage.PrefillTokensPerSecond, usage.DecodeTokensPerSecond));
        }

        IReadOnlyList<RankStatus> ranks = await cluster.GetRankStatusAsync(cancellationToken);
        return new GenerationResult(
            stages.Loading.TotalSeconds,
            start,
            cluster.Transport,
            speeds,
            [.. ranks.Zip(cluster.Plan.Ranks, static (status, plan) => new RankResidence(
                plan.WeightBytes,
                status.Memory.Resident - status.Memory.ResidentBefore,
                status.Memory.Shard.KeyValueCache + status.Memory.Shard.Buffers))]);
    }

    /// <summary>Notes when loading begins and when it is over.</summary>
    private sealed class StageClock : IProgress<ClusterProgress>
    {
        private long _planned;
        private long _ready;

        /// <summary>From the plan to the cluster that takes requests: the ranks connect, and load.</summary>
        public TimeSpan Loading => Stopwatch.GetElapsedTime(_planned, _ready);

        public void Report(ClusterProgress value)
        {
            switch (value.Stage)
            {
                case ClusterStage.Planning:
                    _planned = Stopwatch.GetTimestamp();
                    break;
                case ClusterStage.Ready:
                    _ready = Stopwatch.GetTimestamp();
                    break;
            }
        }
    }

    /// <summary>A cluster of a configuration for one text at a time.</summary>
    public static ClusterBuilder Builder(string folder, Configuration configuration)
    {
        ClusterBuilder builder = new ClusterBuilder()
            .UseModel(folder)
            .UseBackend(configuration.OpenBackend())
            .UseLocalRanks(configuration.Ranks, RankHosting.ChildProcess)
            .UseThreadsPerRank(configuration.Threads)
            .UseActivations(configuration.Activations)
            .UseKeyValues(configuration.KeyValues)
            .UseContextLength(ContextLength)
            .UseMaxSequences(1);
        return configuration.IsPinned ? builder.PinThreads() : builder;
    }

    /// <summary>Generates until everything is compiled for the last time: twice at least, and for a second.</summary>
    public static async Task WarmUpAsync(Cluster cluster, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        for (int run = 0; run < WarmUpRuns || Stopwatch.GetElapsedTime(began) < WarmUpTime; run++)
        {
            await GenerateAsync(cluster, new Workload(WarmUpPrompt, WarmUpTokens), cancellationToken);
        }
    }

    /// <summary>Generates greedily from random tokens.</summary>
    public static async Task<GenerationUsage> GenerateAsync(Cluster cluster, Workload workload, CancellationToken cancellationToken)
    {
        Random random = new(1);
        int[] prompt = [.. Enumerable.Range(0, workload.Prompt).Select(_ => random.Next(cluster.Model.VocabularySize))];
        GenerationUsage usage = default;
        GenerationOptions options = GenerationOptions.Greedy with { MaxTokens = workload.Tokens, IgnoreEndTokens = true };
        await foreach (GeneratedToken token in cluster.GenerateAsync(Prompt.Tokens(prompt), options, cancellationToken))
        {
            usage = token.Usage ?? usage;
        }

        return usage;
    }
}
