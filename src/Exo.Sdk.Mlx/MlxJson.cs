using System.Text.Json.Serialization;

namespace Exo.Sdk.Mlx;

/// <summary>The options of <see cref="MlxBackend"/> on their way to a child process.</summary>
[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MlxBackendOptions))]
internal sealed partial class MlxJson : JsonSerializerContext;
