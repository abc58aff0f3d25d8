using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>What steps cost a rank.</summary>
public static class LayerCosts
{
    /// <summary>What a step of one sequence costs: the rank's slices of the matrices are read once and multiplied with every token, and what the part does besides.</summary>
    /// <param name="part">Half a layer.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="step">The step.</param>
    /// <returns>Bytes and operations.</returns>
    public static StepCost CostOf(this LayerPart part, ShardAssignment assignment, in CostedStep step)
    {
        ArgumentNullException.ThrowIfNull(part);
        StepCost cost = part.OwnCost(assignment, step);
        foreach (LinearSpec linear in part.Linears)
        {
            LinearSlices slices = LinearSlices.Of(linear, assignment);
            cost += new StepCost(slices.ByteCount, 2L * step.TokenCount * slices.Outputs.Count * slices.Inputs.Count);
        }

        return cost;
    }

    /// <summary>What a step of one sequence costs a rank in all layers and, for one row of logits, the head.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="step">The step.</param>
    /// <returns>Bytes and operations.</returns>
    public static StepCost CostOf(this ModelSpec spec, ShardAssignment assignment, in CostedStep step)
    {
        ArgumentNullException.ThrowIfNull(spec);
        LinearSlices head = LinearSlices.Of(spec.Head, assignment);
        StepCost cost = new(head.ByteCount, 2L * head.Outputs.Count * head.Inputs.Count);
        foreach (LayerSpec layer in spec.Layers)
        {
            cost += layer.Mixer.CostOf(assignment, step) + layer.FeedForward.CostOf(assignment, step);
        }

        return cost;
    }
}
