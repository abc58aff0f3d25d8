using System.Text.Json.Serialization;

namespace Exo.Sdk.Rdma;

/// <summary>The options of <see cref="RdmaTransport"/> on their way to a child process.</summary>
[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RdmaOptions))]
internal sealed partial class RdmaJson : JsonSerializerContext;
