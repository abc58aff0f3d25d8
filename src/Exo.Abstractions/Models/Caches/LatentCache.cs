namespace Exo.Sdk.Models;

/// <summary>One vector for every token from which keys and values of all heads are made; every rank keeps the whole.</summary>
/// <param name="Size">The elements of the vector.</param>
public sealed record LatentCache(int Size) : CacheSpec
{
    /// <inheritdoc/>
    public override string Kind => ModelFeatures.LatentCache;

    /// <inheritdoc/>
    public override long BytesPerToken(IRankShare share, KeyValuePrecision form) => form.SizeInBytes(Size);
}
