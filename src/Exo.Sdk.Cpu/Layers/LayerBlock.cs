using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Weights;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>
/// Half a layer's kernel: from the residual stream and what the part before gave, to what this part gives, in
/// <see cref="StepContext{TLanes, TVector}.Partial"/>. It runs in stages, each shared among the team.
/// </summary>
internal abstract class LayerBlock
{
    /// <summary>The kernel of a part.</summary>
    /// <param name="index">Which part of the model: two in each layer.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="context">What all parts share.</param>
    internal static LayerBlock Create<TLanes, TVector>(int index, PartWeights weights, StepContext<TLanes, TVector> context)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => weights switch
        {
            AttentionWeights attention => new AttentionBlock<TLanes, TVector>(attention, context, isFirst: index == 0),
            GatedWeights gated => new GatedBlock<TLanes, TVector>(gated, context),
            _ => throw new ArgumentOutOfRangeException(nameof(weights)),
        };

    /// <summary>Runs it for the step's tokens. The calling thread leads.</summary>
    /// <param name="time">The time since which nothing was noted.</param>
    internal abstract void Run(ref long time);
}
