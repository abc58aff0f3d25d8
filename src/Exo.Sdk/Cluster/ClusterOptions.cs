using System.Diagnostics.Metrics;
using System.Net;
using Exo.Sdk.Control;
using Exo.Sdk.Models.Families;
using Exo.Sdk.Planning;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Exo.Sdk;

/// <summary>What a <see cref="ClusterBuilder"/> has collected. Immutable.</summary>
internal sealed record ClusterOptions
{
    public string? ModelFolder { get; init; }

    public int LocalRanks { get; init; } = 1;

    public RankHosting LocalHosting { get; init; } = RankHosting.InProcess;

    public IReadOnlyList<DnsEndPoint> RemoteNodes { get; init; } = [];

    public IReadOnlyList<double>? Shares { get; init; }

    public string? ClusterKey { get; init; }

    public ITransport? Transport { get; init; }

    public IReadOnlyList<ITransport> OfferedTransports { get; init; } = [];

    public IComputeBackend? Backend { get; init; }

    public string? BackendName { get; init; }

    public IReadOnlyList<IComputeBackend> OfferedBackends { get; init; } = [];

    public IReadOnlyList<IModelFamily> OfferedFamilies { get; init; } = [];

    public IShardPlanner? Planner { get; init; }

    public int? ContextLength { get; init; }

    public int MaxSequences { get; init; } = 4;

    public int MaxBatchTokens { get; init; } = 256;

    public int? ThreadsPerRank { get; init; }

    public ActivationPrecision Activations { get; init; } = ActivationPrecision.Float32;

    public KeyValuePrecision KeyValues { get; init; } = KeyValuePrecision.Float16;

    public bool PinsThreads { get; init; }

    public StepTimeline? Timeline { get; init; }

    public WirePrecision WirePrecision { get; init; } = WirePrecision.Float32;

    public TimeSpan CollectiveDeadline { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public HeartbeatOptions Heartbeats { get; init; } = new();

    public IMeterFactory? MeterFactory { get; init; }

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    public IProgress<ClusterProgress>? Progress { get; init; }

    public int WorldSize => LocalRanks + RemoteNodes.Count;

    public bool HasProcesses => LocalRanks > 1 && LocalHosting == RankHosting.ChildProcess;

    /// <summary>Checks everything that can be checked before anything is started.</summary>
    public void Validate()
    {
        if (ModelFolder is null)
        {
            throw new ConfigurationException(
                "No model. Call UseModel(folder) with a folder in Hugging Face form, or reference the package Exo.Sdk.TinyModel and pass TinyModel.Path.");
        }

        if (!Directory.Exists(ModelFolder))
        {
            throw new ConfigurationException($"The model folder '{Path.GetFullPath(ModelFolder)}' does not exist.");
        }

        if (Backend is { } given && BackendName is { } name && given.Name != name)
        {
            throw new ConfigurationException($"Two compute backends are asked for, '{given.Name}' and '{name}'; call UseBackend once.");
        }

        RequireAtLeast(LocalRanks, 1, "local ranks (rank 0 lives in this process)");
        RequireAtLeast(MaxSequences, 1, "concurrent sequences");
        RequireAtLeast(MaxBatchTokens, MaxSequences, "tokens per step (one for each concurrent sequence)");
        RequireAtLeast(ContextLength ?? 1, 1, "tokens of context");
        RequireAtLeast(ThreadsPerRank ?? 1, 1, "threads per rank");
        Heartbeats.Validate();
        RequireBetween(CollectiveDeadline, TimeSpan.FromDays(1), "collective deadline");
        RequireBetween(ConnectTimeout, TimeSpan.FromDays(1), "connect timeout");
        if (ClusterKey is not null)
        {
            Sdk.Transport.Sealing.ClusterKey.Require(ClusterKey, "UseClusterKey");
        }

        if (!Enum.IsDefined(WirePrecision))
        {
            throw new ConfigurationException(
                $"The wire precision {WirePrecision} is unknown; known are {string.Join(", ", Enum.GetNames<WirePrecision>())}.");
        }

        if (Shares is { } shares && (shares.Count != WorldSize || shares.Any(share => !double.IsFinite(share) || share <= 0)))
        {
            throw new ConfigurationException(
                $"The shares {string.Join(":", shares)} do not fit {WorldSize} ranks: one positive number for each rank.");
        }

        if (HasProcesses)
        {
            foreach (object? part in (object?[])[Backend, Transport, .. OfferedFamilies])
            {
                if (part is not null && PartRecipe.Refusal(part) is { } refusal)
                {
                    throw new ConfigurationException($"Ranks are child processes, but {refusal}.");
                }
            }
        }

        foreach (DnsEndPoint node in RemoteNodes)
        {
            if (ClusterKey is null && !IsLoopback(node.Host))
            {
                throw new ConfigurationException(
                    $"The node {node.Host}:{node.Port} is on another machine; a cluster key is required. Call UseClusterKey with the key that 'exo node' was given.");
            }
        }
    }

    private static bool IsLoopback(string host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address));

    private static void RequireBetween(TimeSpan value, TimeSpan most, string what)
    {
        if (value <= TimeSpan.Zero || value > most)
        {
            throw new ConfigurationException($"The {what} is {value}; it must be positive and at most {most}.");
        }
    }

    private static void RequireAtLeast(int value, int least, string what)
    {
        if (value < least)
        {
            throw new ConfigurationException($"{value} {what}: at least {least}.");
        }
    }
}
