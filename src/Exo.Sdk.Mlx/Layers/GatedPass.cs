using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;

namespace Exo.Sdk.Mlx.Layers;

/// <summary>The gated feed-forward: Down·(silu(Gate·x) ⊙ (Up·x)).</summary>
internal sealed class GatedPass(GatedWeights weights, MlxOperations operations) : LayerPass(weights.Norm)
{
    internal override MlxArray Run(MlxArray x, in StepInput step)
    {
        MlxArray gate = weights.Gate.Apply(operations, x);
        MlxArray silu = operations.Multiply(gate, operations.Sigmoid(gate));
        return weights.Down.Apply(operations, operations.Multiply(silu, weights.Up.Apply(operations, x)));
    }
}
