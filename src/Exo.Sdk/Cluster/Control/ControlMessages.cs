using System.Text.Json.Serialization;
using Exo.Sdk.Hosts;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Control;

/// <summary>What host and nodes say to each other outside the data plane: JSON, one message a frame.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
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
internal abstract record ControlMessage
{
    /// <summary>Raised whenever a message changes its meaning; both sides must speak the same.</summary>
    public const int ProtocolVersion = 3;
}

/// <summary>A node's first words.</summary>
internal sealed record NodeHello(int Version, string Name, int ProcessId, string[] Backends, TransportOffer[] Transports) : ControlMessage;

/// <summary>Asks a node to open the model and its end of the transport.</summary>
internal sealed record OpenOrder(string ModelFolder, string Fingerprint, string Backend, string Transport) : ControlMessage;

/// <param name="Address">The node's transport address.</param>
/// <param name="Device">What the node offers to the planner.</param>
internal sealed record OpenReply(string Address, DeviceProfile Device) : ControlMessage;

/// <summary>Asks a node to join the group and load its shard.</summary>
internal sealed record LoadOrder(
    ulong Epoch,
    string[] Addresses,
    byte[] Secret,
    double DeadlineSeconds,
    WirePrecision WirePrecision,
    ShardAssignment Assignment,
    ShardOptions Options) : ControlMessage;

/// <summary>How far a node's loading has come.</summary>
internal sealed record LoadStep(long LoadedBytes, long TotalBytes) : ControlMessage;

/// <summary>The node's worker is running.</summary>
internal sealed record LoadReply(RankMemory Memory) : ControlMessage;

/// <summary>Asks what a rank takes in memory now.</summary>
internal sealed record StatusOrder : ControlMessage;

/// <summary>What a rank takes in memory now.</summary>
internal sealed record StatusReply(RankMemory Memory) : ControlMessage;

/// <summary>Ends the group: a rank is lost.</summary>
internal sealed record AbortOrder(int LostRank, string Reason) : ControlMessage;

/// <summary>Ends the session in order.</summary>
internal sealed record StopOrder : ControlMessage;

/// <summary>The answer to an order that failed.</summary>
internal sealed record ErrorReply(string Kind, string Message) : ControlMessage;

/// <summary>A node's worker ended on an error of its own.</summary>
internal sealed record WorkerFault(string Kind, string Message) : ControlMessage;

[JsonSerializable(typeof(ControlMessage))]
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ControlJson : JsonSerializerContext;
