using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>A norm's weight and ε.</summary>
internal sealed record NormWeights(float[] Weight, float Epsilon);

/// <summary>The rank's weights of half a layer.</summary>
internal abstract record PartWeights(NormWeights Norm);

/// <summary>The weights of grouped-query attention.</summary>
internal sealed record AttentionWeights(
    GroupedQueryAttention Spec,
    NormWeights Norm,
    WeightMatrix Query,
    WeightMatrix Key,
    WeightMatrix Value,
    WeightMatrix Output,
    NormWeights? QueryNorm,
    NormWeights? KeyNorm) : PartWeights(Norm);

/// <summary>The weights of a gated feed-forward.</summary>
internal sealed record GatedWeights(GatedFeedForward Spec, NormWeights Norm, WeightMatrix Gate, WeightMatrix Up, WeightMatrix Down) : PartWeights(Norm);

/// <summary>All weights of one rank. Owns the matrices.</summary>
internal sealed class ShardWeights(IReadOnlyList<WeightMatrix> matrices) : IDisposable
{
    internal required WeightMatrix Embedding { get; init; }

    /// <summary>Mixer and feed-forward of every layer in turn.</summary>
    internal required PartWeights[] Parts { get; init; }

    internal required NormWeights FinalNorm { get; init; }

    internal required WeightMatrix Head { get; init; }

    /// <summary>The matrices' bytes.</summary>
    internal long ByteCount => matrices.Sum(matrix => matrix.ByteCount);

    public void Dispose()
    {
        foreach (WeightMatrix matrix in matrices)
        {
            matrix.Dispose();
        }
    }
}
