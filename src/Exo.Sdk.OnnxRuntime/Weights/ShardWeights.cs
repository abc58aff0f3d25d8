namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>One layer's weights: the rank's part of each matrix, and the norms.</summary>
internal sealed record LayerWeights
{
    internal required float[] AttentionNorm { get; init; }

    internal required WeightMatrix Query { get; init; }

    internal required WeightMatrix Key { get; init; }

    internal required WeightMatrix Value { get; init; }

    internal float[]? QueryNorm { get; init; }

    internal float[]? KeyNorm { get; init; }

    internal required WeightMatrix Output { get; init; }

    internal required float[] FeedForwardNorm { get; init; }

    internal required WeightMatrix Gate { get; init; }

    internal required WeightMatrix Up { get; init; }

    internal required WeightMatrix Down { get; init; }
}

/// <summary>All weights of one rank. Owns the matrices.</summary>
internal sealed class ShardWeights : IDisposable
{
    private readonly IReadOnlyList<WeightMatrix> _matrices;

    internal ShardWeights(IReadOnlyList<WeightMatrix> matrices) => _matrices = matrices;

    internal required WeightMatrix Embedding { get; init; }

    internal required IReadOnlyList<LayerWeights> Layers { get; init; }

    internal required float[] FinalNorm { get; init; }

    internal required WeightMatrix Head { get; init; }

    /// <summary>The matrices' bytes.</summary>
    internal long ByteCount => _matrices.Sum(matrix => matrix.ByteCount);

    public void Dispose()
    {
        foreach (WeightMatrix matrix in _matrices)
        {
            matrix.Dispose();
        }
    }
}
