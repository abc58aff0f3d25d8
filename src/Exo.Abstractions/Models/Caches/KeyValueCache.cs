namespace Exo.Sdk.Models;

/// <summary>A key and a value of every key-value head for every token, or for those of a window.</summary>
/// <param name="HeadCount">The key-value heads of the whole layer.</param>
/// <param name="KeySize">The elements of a key.</param>
/// <param name="ValueSize">The elements of a value.</param>
/// <param name="WindowSize">How many of the last tokens are kept; null for all.</param>
public sealed record KeyValueCache(int HeadCount, int KeySize, int ValueSize, int? WindowSize) : CacheSpec
{
    /// <inheritdoc/>
    public override string Kind => WindowSize is null ? ModelFeatures.KeyValueCache : ModelFeatures.WindowCache;

    /// <inheritdoc/>
    public override int? Window => WindowSize;

    /// <inheritdoc/>
    public override long BytesPerToken(IRankShare share, KeyValuePrecision form)
    {
        ArgumentNullException.ThrowIfNull(share);
        return share.UnitsOf(new Division(SplitUnit.KeyValueHead, HeadCount)).Count * (form.SizeInBytes(KeySize) + form.SizeInBytes(ValueSize));
    }
}
