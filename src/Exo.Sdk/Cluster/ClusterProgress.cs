namespace Exo.Sdk;

/// <summary>What a cluster does while it starts.</summary>
public enum ClusterStage
{
    /// <summary>Reading the model's description.</summary>
    ReadingModel,

    /// <summary>Starting child processes and connecting to nodes.</summary>
    StartingNodes,

    /// <summary>Planning.</summary>
    Planning,

    /// <summary>A rank loads its shard.</summary>
    Loading,

    /// <summary>The cluster takes requests.</summary>
    Ready,
}

/// <summary>How far a cluster's start has come.</summary>
/// <param name="Stage">What is being done.</param>
/// <param name="Rank">Which rank does it, or −1 for the whole cluster.</param>
/// <param name="LoadedBytes">While loading: bytes loaded by this rank.</param>
/// <param name="TotalBytes">While loading: bytes of this rank's shard.</param>
public readonly record struct ClusterProgress(ClusterStage Stage, int Rank = -1, long LoadedBytes = 0, long TotalBytes = 0);
