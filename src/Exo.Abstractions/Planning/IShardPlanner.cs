using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>
/// Divides a model among ranks. Implementations are pure: equal input gives an equal plan, on every machine. Thread-safe.
/// </summary>
public interface IShardPlanner
{
    /// <summary>Divides a model among the machines of a request, one rank each.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="request">The machines and what the plan must hold.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="ConfigurationException">The request itself makes no sense, for example a share below zero.</exception>
    /// <exception cref="PlanRefusedException">The model cannot be divided so, or some rank lacks the memory for its part.</exception>
    ShardPlan Plan(ModelSpec spec, PlanRequest request);
}
