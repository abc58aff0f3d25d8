using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;

namespace Exo.Sdk.Mlx.Layers;

/// <summary>The tokens of a step: those of all sequences, joined, and the sequences' caches by slot.</summary>
internal readonly ref struct StepInput
{
    internal required int TokenCount { get; init; }

    internal required ReadOnlySpan<SequenceStep> Sequences { get; init; }

    internal required SequenceSlots<SequenceCache> Caches { get; init; }
}

/// <summary>Half a layer, as operations of MLX.</summary>
/// <param name="norm">The norm before it.</param>
internal abstract class LayerPass(NormWeights norm)
{
    /// <summary>The norm before it.</summary>
    internal NormWeights Norm { get; } = norm;

    /// <summary>Normed residual stream <c>[tokens, hidden]</c> in, the rank's part of the result <c>[tokens, hidden]</c> out.</summary>
    internal abstract MlxArray Run(MlxArray x, in StepInput step);
}
