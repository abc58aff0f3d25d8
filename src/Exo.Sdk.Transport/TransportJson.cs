using System.Text.Json.Serialization;

namespace Exo.Sdk.Transport;

/// <summary>The options of <see cref="TcpTransport"/> on their way to a child process.</summary>
internal sealed record TcpOptions(TimeSpan Spin, TimeSpan HandshakeTimeout, bool UseNativeCalls);

/// <summary>The options of <see cref="SharedMemoryTransport"/> on their way to a child process.</summary>
internal sealed record SharedMemoryOptions(TimeSpan Spin, string Folder, bool UseNativeCalls);

[JsonSourceGenerationOptions(
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TcpOptions))]
[JsonSerializable(typeof(SharedMemoryOptions))]
internal sealed partial class TransportJson : JsonSerializerContext;
