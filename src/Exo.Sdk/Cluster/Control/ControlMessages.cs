using System.Text.Json.Serialization;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Control;

/// <summary>What host and nodes say to each other outside the data plane: JSON, one message a frame.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(HostHello), "host")]
[JsonDerivedType(typeof(NodeHello), "hello")]
[JsonDerivedType(typeof(OpenOrder), "open")]
[JsonDerivedType(typeof(OpenReply), "opened")]
[JsonDerivedType(typeof(LoadOrder), "load")]
[JsonDerivedType(typeof(LoadStep), "loading")]
[JsonDerivedType(typeof(LoadReply), "loaded")]
[JsonDerivedType(typeof(StatusOrder), "status?")]
[JsonDerivedType(typeof(StatusReply), "status")]
[JsonDerivedType(typeof(AbortOrder), "abort")]
[JsonDerivedType(typeof(StopOrder), "stop")]
[JsonDerivedType(typeof(ErrorReply), "error")]
[JsonDerivedType(typeof(WorkerFault), "fault")]
[JsonDerivedType(typeof(LogLine), "log")]
internal abstract record ControlMessage
{
    /// <summary>Raised whenever a message changes its meaning; both sides must speak the same.</summary>
    public const int ProtocolVersion = 4;
}

/// <summary>What a host says to a node.</summary>
internal abstract record HostMessage : ControlMessage;

/// <summary>What a node says to its host.</summary>
internal abstract record NodeMessage : ControlMessage;

/// <summary>A host's first words: how long it may be silent, and how long it bears silence.</summary>
internal sealed record HostHello(int Version, double IntervalSeconds, double TimeoutSeconds) : HostMessage;

/// <summary>A node's first words.</summary>
internal sealed record NodeHello(int Version, string Name, int ProcessId, string[] Backends, TransportOffer[] Transports) : NodeMessage;

/// <summary>Asks a node to open the model and its end of the transport.</summary>
internal sealed record OpenOrder(string ModelFolder, string Fingerprint, string Backend, string Transport) : HostMessage;

/// <param name="Address">The node's transport address.</param>
/// <param name="Device">What the node offers to the planner.</param>
internal sealed record OpenReply(string Address, DeviceProfile Device) : NodeMessage;

/// <summary>Asks a node to join the group and load its shard.</summary>
internal sealed record LoadOrder(
    ulong Epoch,
    string[] Addresses,
    double ConnectSeconds,
    double DeadlineSeconds,
    WirePrecision WirePrecision,
    ShardAssignment Assignment,
    ShardOptions Options) : HostMessage
{
    /// <summary>The secret of the epoch's data plane. It stays in this process.</summary>
    [JsonIgnore]
    public byte[] Secret { get; init; } = [];

    /// <summary>The same for the wire, sealed with the connection's own key.</summary>
    public byte[] SealedSecret { get; init; } = [];
}

/// <summary>How far a node's loading has come.</summary>
internal sealed record LoadStep(long LoadedBytes, long TotalBytes) : NodeMessage;

/// <summary>The node's worker is running.</summary>
internal sealed record LoadReply(RankMemory Memory) : NodeMessage;

/// <summary>Asks what a rank takes in memory now.</summary>
internal sealed record StatusOrder : HostMessage;

/// <summary>What a rank takes in memory now.</summary>
internal sealed record StatusReply(RankMemory Memory) : NodeMessage;

/// <summary>Ends the group: a rank is lost.</summary>
internal sealed record AbortOrder(int LostRank, string Reason) : HostMessage;

/// <summary>Ends the session in order.</summary>
internal sealed record StopOrder : HostMessage;

/// <summary>The answer to an order that failed.</summary>
internal sealed record ErrorReply(RemoteError Error) : NodeMessage;

/// <summary>A node's worker ended on an error of its own.</summary>
internal sealed record WorkerFault(RemoteError Error) : NodeMessage;

/// <summary>A line that a child process would have logged.</summary>
internal sealed record LogLine(int Level, int EventId, string Text) : NodeMessage;

[JsonSerializable(typeof(ControlMessage))]
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 16)]
internal sealed partial class ControlJson : JsonSerializerContext;
