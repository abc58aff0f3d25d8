using Microsoft.Extensions.Logging;

namespace Exo.Sdk.Diagnostics;

/// <summary>Every log message of the library, with its event id.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "Cluster of {Size} ranks is ready: {Family} model from {Model}, transport {Transport}, backend {Backend}")]
    public static partial void ClusterReady(ILogger logger, int size, string family, string model, string transport, string backend);

    [LoggerMessage(103, LogLevel.Information, "The ranks talk over {Transport}, because {Reason}; sums travel as {Precision}")]
    public static partial void TransportChosen(ILogger logger, string transport, string reason, WirePrecision precision);

    [LoggerMessage(101, LogLevel.Warning, "Rank {Rank} is lost: {Reason}; the epoch {Epoch} ends")]
    public static partial void RankLost(ILogger logger, int rank, string reason, ulong epoch);

    [LoggerMessage(102, LogLevel.Error, "The engine stopped on an error")]
    public static partial void EngineFaulted(ILogger logger, Exception error);

    [LoggerMessage(104, LogLevel.Warning, "{Count} tensors in {Folder} are used by nothing, among them {Names}")]
    public static partial void TensorsUnused(ILogger logger, int count, string folder, string names);

    [LoggerMessage(110, LogLevel.Debug, "Started the child process {ProcessId} for rank {Rank}")]
    public static partial void ChildStarted(ILogger logger, int processId, int rank);

    [LoggerMessage(111, LogLevel.Debug, "Child process {ProcessId} says: {Line}")]
    public static partial void ChildOutput(ILogger logger, int processId, string line);

    [LoggerMessage(EventId = 113, Message = "Child process {ProcessId} (event {OfChild}): {Text}")]
    public static partial void ChildLogged(ILogger logger, LogLevel level, int processId, int ofChild, string text);

    [LoggerMessage(112, LogLevel.Warning, "Child process {ProcessId} did not end by itself in time and was killed")]
    public static partial void ChildKilled(ILogger logger, int processId);

    [LoggerMessage(120, LogLevel.Information, "Node listens on {Endpoint}")]
    public static partial void NodeListening(ILogger logger, string endpoint);

    [LoggerMessage(121, LogLevel.Information, "Node serves a host at {Peer}")]
    public static partial void NodeSessionStarted(ILogger logger, string peer);

    [LoggerMessage(122, LogLevel.Information, "Node's session ended: {Reason}")]
    public static partial void NodeSessionEnded(ILogger logger, string reason);

    [LoggerMessage(123, LogLevel.Warning, "Dropped {Count} connections, the last from {Peer}: {Reason}")]
    public static partial void ConnectionsRefused(ILogger logger, long count, string peer, string reason);

    [LoggerMessage(130, LogLevel.Debug, "Rank {Rank} of {Size} loads its shard of {Model}")]
    public static partial void ShardLoading(ILogger logger, int rank, int size, string model);

    [LoggerMessage(131, LogLevel.Debug, "Rank {Rank}'s shard is ready: {WeightBytes} bytes of weights")]
    public static partial void ShardReady(ILogger logger, int rank, long weightBytes);

    [LoggerMessage(132, LogLevel.Warning, "Rank {Rank}'s worker ended on an error")]
    public static partial void WorkerFailed(ILogger logger, int rank, Exception error);
}
