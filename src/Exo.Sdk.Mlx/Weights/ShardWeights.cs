using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Models;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>A norm's weight and ε.</summary>
internal sealed record NormWeights(MlxArray Weight, float Epsilon);

/// <summary>The rank's weights of half a layer.</summary>
internal abstract record PartWeights(NormWeights Norm);

/// <summary>The weights of grouped-query attention, and one over each rope frequency <c>[head size / 2]</c>: none where there is no rope.</summary>
internal sealed record AttentionWeights(
    GroupedQueryAttention Spec,
    NormWeights Norm,
    MlxMatrix Query,
    MlxMatrix Key,
    MlxMatrix Value,
    MlxMatrix Output,
    NormWeights? QueryNorm,
    NormWeights? KeyNorm,
    MlxArray RopePeriods) : PartWeights(Norm);

/// <summary>The weights of a gated feed-forward.</summary>
internal sealed record GatedWeights(NormWeights Norm, MlxMatrix Gate, MlxMatrix Up, MlxMatrix Down) : PartWeights(Norm);

/// <summary>All weights of one rank. Owns their arrays.</summary>
internal sealed class ShardWeights(ArrayScope arrays) : IDisposable
{
    internal required MlxMatrix Embedding { get; init; }

    /// <summary>Mixer and feed-forward of every layer in turn.</summary>
    internal required IReadOnlyList<PartWeights> Parts { get; init; }

    internal required NormWeights FinalNorm { get; init; }

    internal required MlxMatrix Head { get; init; }

    /// <summary>Bytes that the arrays take.</summary>
    internal required long ByteCount { get; init; }

    public void Dispose() => arrays.Dispose();
}
