namespace Exo.Sdk.Models;

/// <summary>A half-open range of indices, for example heads, channels or rows.</summary>
/// <param name="Start">The first index.</param>
/// <param name="Count">How many.</param>
public readonly record struct IndexRange(int Start, int Count)
{
    /// <summary>One past the last index.</summary>
    public int End => Start + Count;

    /// <summary>The same range counted in smaller units.</summary>
    /// <param name="factor">How many small units make one of this range's.</param>
    /// <returns>The range times <paramref name="factor"/>.</returns>
    public IndexRange Times(int factor) => new(Start * factor, Count * factor);

    /// <summary>All indices below <paramref name="count"/>.</summary>
    /// <param name="count">How many.</param>
    /// <returns>The range [0, count).</returns>
    public static IndexRange All(int count) => new(0, count);

    /// <inheritdoc/>
    public override string ToString() => $"{Start}..{End}";
}
