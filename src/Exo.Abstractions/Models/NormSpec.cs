namespace Exo.Sdk.Models;

/// <summary>What a norm computes.</summary>
public enum NormForm
{
    /// <summary>y = x / sqrt(mean(x²) + ε) · w (Zhang and Sennrich 2019).</summary>
    RootMeanSquare,

    /// <summary>y = x / sqrt(mean(x²) + ε) · (1 + w): the weight is stored as its difference from one.</summary>
    RootMeanSquareFromOne,

    /// <summary>y = (x − mean(x)) / sqrt(variance(x) + ε) · w (Ba et al. 2016, without a bias).</summary>
    LayerNorm,
}

/// <summary>A norm. Replicated on every rank.</summary>
/// <param name="WeightName">The stored weight's name.</param>
/// <param name="Size">The length of x.</param>
/// <param name="Epsilon">ε.</param>
public sealed record NormSpec(string WeightName, int Size, float Epsilon)
{
    /// <summary>What it computes.</summary>
    public NormForm Form { get; init; } = NormForm.RootMeanSquare;

    /// <summary>The element type that the weight is stored in.</summary>
    public ElementType StoredType { get; init; } = ElementType.Float32;

    /// <summary>The bytes of the stored weight.</summary>
    public long ByteCount => (long)Size * StoredType.SizeInBytes();
}
