namespace Exo.Sdk.Models;

/// <summary>
/// What a layer keeps of a sequence from step to step. Planner, memory figures and backends read this declaration; a backend that does not
/// hold a kind refuses it by its name.
/// </summary>
public abstract record CacheSpec
{
    /// <summary>What it is, for example <c>keys and values</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>The bytes that one more token takes on a rank, as long as the cache grows; 0 where its size is fixed.</summary>
    /// <param name="share">The rank's share.</param>
    /// <param name="form">How keys and values are held.</param>
    /// <returns>Bytes.</returns>
    public abstract long BytesPerToken(IRankShare share, KeyValuePrecision form);

    /// <summary>The most tokens that it keeps; null where there is no bound.</summary>
    public virtual int? Window => null;

    /// <summary>The bytes that a rank must keep of a sequence.</summary>
    /// <param name="share">The rank's share.</param>
    /// <param name="form">How keys and values are held.</param>
    /// <param name="tokenCount">The sequence's length.</param>
    /// <returns>Bytes.</returns>
    public virtual long Bytes(IRankShare share, KeyValuePrecision form, int tokenCount) =>
        BytesPerToken(share, form) * Math.Min(tokenCount, Window ?? int.MaxValue);
}
