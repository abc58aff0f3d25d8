namespace Exo.Sdk.Models;

/// <summary>A state of fixed size, in single precision: what a recurrent layer keeps, whatever the sequence's length.</summary>
/// <param name="Division">What the state is divided by among ranks.</param>
/// <param name="UnitSize">The elements of one unit.</param>
public sealed record StateCache(Division Division, int UnitSize) : CacheSpec
{
    /// <inheritdoc/>
    public override string Kind => ModelFeatures.StateCache;

    /// <inheritdoc/>
    public override long BytesPerToken(IRankShare share, KeyValuePrecision form) => 0;

    /// <inheritdoc/>
    public override long Bytes(IRankShare share, KeyValuePrecision form, int tokenCount)
    {
        ArgumentNullException.ThrowIfNull(share);
        return (long)share.UnitsOf(Division).Count * UnitSize * sizeof(float);
    }
}
