using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk;

/// <summary>What a cluster would be, found out without loading the model; see <see cref="ClusterBuilder.PlanAsync"/>.</summary>
/// <param name="Model">The model.</param>
/// <param name="Plan">How it would be divided and what each rank would take.</param>
/// <param name="Backend">The compute backend's name.</param>
/// <param name="Transport">The transport's name.</param>
/// <param name="TransportReason">Why it would be that one.</param>
/// <param name="UnusedTensors">Tensors of the model's files that nothing would read, by name in order. They cost room on the disk alone.</param>
public sealed record ClusterPreview(
    ModelSpec Model, ShardPlan Plan, string Backend, string Transport, string TransportReason, IReadOnlyList<string> UnusedTensors);
