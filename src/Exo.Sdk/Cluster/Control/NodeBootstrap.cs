using System.Text.Json.Serialization;

namespace Exo.Sdk.Control;

/// <summary>What a child process reads from its standard input before anything else.</summary>
/// <param name="Port">The loopback port that the parent listens on.</param>
/// <param name="Secret">Proves the child to the parent and the parent to the child.</param>
/// <param name="BackendType">The compute backend's assembly-qualified type name; null for the default.</param>
/// <param name="TransportType">The transport's assembly-qualified type name; null for the default.</param>
/// <param name="OfferedTransportTypes">The same for transports that are offered beside the default ones; preferred first.</param>
/// <param name="FamilyTypes">The same for model families beside the built-in ones.</param>
/// <param name="HeartbeatIntervalMs">See <see cref="HeartbeatOptions.Interval"/>.</param>
/// <param name="HeartbeatTimeoutMs">See <see cref="HeartbeatOptions.Timeout"/>.</param>
/// <param name="LogLevel">The least level that the parent's log takes.</param>
internal sealed record NodeBootstrap(
    int Port,
    byte[] Secret,
    string? BackendType,
    string? TransportType,
    string[] OfferedTransportTypes,
    string[] FamilyTypes,
    double HeartbeatIntervalMs,
    double HeartbeatTimeoutMs,
    int LogLevel)
{
    /// <summary>Set to 1 in the environment of a child process, by which it knows that it is one.</summary>
    public const string Variable = "EXO_SDK_CHILD_NODE";
}

[JsonSerializable(typeof(NodeBootstrap))]
internal sealed partial class BootstrapJson : JsonSerializerContext;
