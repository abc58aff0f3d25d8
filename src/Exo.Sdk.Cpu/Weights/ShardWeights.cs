using Exo.Sdk.Cpu.MatMul;

namespace Exo.Sdk.Cpu.Weights;

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
internal sealed class ShardWeights(IReadOnlyList<WeightMatrix> matrices) : IDisposable
{
    internal required WeightMatrix Embedding { get; init; }

    internal required LayerWeights[] Layers { get; init; }

    internal required float[] FinalNorm { get; init; }

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
