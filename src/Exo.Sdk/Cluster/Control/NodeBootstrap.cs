using System.Text.Json.Serialization;

namespace Exo.Sdk.Control;

/// <summary>What a child process reads from its standard input before anything else.</summary>
/// <param name="Port">The loopback port that the parent listens on.</param>
/// <param name="Secret">Proves the child to the parent and the parent to the child.</param>
/// <param name="Backend">The compute backend.</param>
/// <param name="Transport">The transport; null for the default ones.</param>
/// <param name="OfferedTransports">Transports that are offered beside the default ones; preferred first.</param>
/// <param name="Families">Model families beside the built-in ones.</param>
/// <param name="HeartbeatIntervalMs">See <see cref="HeartbeatOptions.Interval"/>.</param>
/// <param name="HeartbeatTimeoutMs">See <see cref="HeartbeatOptions.Timeout"/>.</param>
/// <param name="LogLevel">The least level that the parent's log takes.</param>
internal sealed record NodeBootstrap(
    int Port,
    byte[] Secret,
    PartRecipe Backend,
    PartRecipe? Transport,
    PartRecipe[] OfferedTransports,
    PartRecipe[] Families,
    double HeartbeatIntervalMs,
    double HeartbeatTimeoutMs,
    int LogLevel)
{
    /// <summary>Set to 1 in the environment of a child process, by which it knows that it is one.</summary>
    public const string Variable = "EXO_SDK_CHILD_NODE";
}

[JsonSerializable(typeof(NodeBootstrap))]
internal sealed partial class BootstrapJson : JsonSerializerContext;
