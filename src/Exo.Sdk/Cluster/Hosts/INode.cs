using Exo.Sdk.Control;

namespace Exo.Sdk;

/// <summary>One rank as the host sees it: in this process, in a child process, or on another machine.</summary>
internal interface INode : IAsyncDisposable
{
    /// <summary>For people: where the rank lives.</summary>
    string Name { get; }

    /// <summary>How the rank is hosted.</summary>
    RankHosting Hosting { get; }

    /// <summary>Opens the model and the node's end of the transport.</summary>
    Task<OpenReply> OpenAsync(OpenOrder order, CancellationToken cancellationToken);

    /// <summary>Joins the group, loads the shard and, on ranks other than 0, starts the worker.</summary>
    Task<LoadReply> LoadAsync(LoadOrder order, IProgress<LoadProgress>? progress, CancellationToken cancellationToken);

    /// <summary>Asks what the rank takes in memory now.</summary>
    Task<RankMemory> GetMemoryAsync(CancellationToken cancellationToken);

    /// <summary>Ends the group on this node: a rank is lost. Returns at once.</summary>
    void Abort(int lostRank, string reason);

    /// <summary>Completes with the reason once the node is lost or its worker failed.</summary>
    Task<string> Lost { get; }
}

/// <summary>Where a rank lives.</summary>
public enum RankHosting
{
    /// <summary>A thread of the host program.</summary>
    InProcess,

    /// <summary>A child process of the host program.</summary>
    ChildProcess,

    /// <summary>A node that was started elsewhere and listens.</summary>
    Remote,
}
