using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>One layer's weights: the rank's part of each matrix, and the norms.</summary>
internal sealed record LayerWeights
{
    internal required MlxArray AttentionNorm { get; init; }

    internal required MlxMatrix Query { get; init; }

    internal required MlxMatrix Key { get; init; }

    internal required MlxMatrix Value { get; init; }

    internal MlxArray QueryNorm { get; init; }

    internal MlxArray KeyNorm { get; init; }

    internal required MlxMatrix Output { get; init; }

    internal required MlxArray FeedForwardNorm { get; init; }

    internal required MlxMatrix Gate { get; init; }

    internal required MlxMatrix Up { get; init; }

    internal required MlxMatrix Down { get; init; }
}

/// <summary>All weights of one rank, and the rope table. Owns their arrays.</summary>
internal sealed class ShardWeights(ArrayScope arrays) : IDisposable
{
    internal required MlxMatrix Embedding { get; init; }

    internal required IReadOnlyList<LayerWeights> Layers { get; init; }

    internal required MlxArray FinalNorm { get; init; }

    internal required MlxMatrix Head { get; init; }

    /// <summary>One over each rope frequency, <c>[head size / 2]</c>.</summary>
    internal required MlxArray RopePeriods { get; init; }

    /// <summary>Bytes that the arrays take.</summary>
    internal required long ByteCount { get; init; }

    public void Dispose() => arrays.Dispose();
}
