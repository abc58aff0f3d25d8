namespace Exo.Sdk.Tokenization.Patterns;

/// <summary>A parsed regular expression.</summary>
internal abstract record PatternNode
{
    /// <summary>One code point out of a set.</summary>
    public sealed record Set(CodePointSet Members) : PatternNode;

    /// <summary>One after the other; with no items, the empty match.</summary>
    public sealed record Concat(IReadOnlyList<PatternNode> Items) : PatternNode;

    /// <summary>The first alternative that lets the whole match.</summary>
    public sealed record Alternate(IReadOnlyList<PatternNode> Items) : PatternNode;

    /// <summary>Between <paramref name="Min"/> and <paramref name="Max"/> times (<see cref="int.MaxValue"/>: no end).</summary>
    public sealed record Repeat(PatternNode Item, int Min, int Max, bool Lazy) : PatternNode;

    /// <summary>Once matched, never given back.</summary>
    public sealed record Atomic(PatternNode Item) : PatternNode;

    /// <summary>A condition on what follows or precedes.</summary>
    public sealed record Look(PatternNode Item, bool Behind, bool Negative) : PatternNode;

    /// <summary>A condition on the position.</summary>
    public sealed record Anchor(AnchorKind Kind) : PatternNode;

    /// <summary>Whether the node can match nothing.</summary>
    public bool IsNullable => this switch
    {
        Set => false,
        Concat c => c.Items.All(static i => i.IsNullable),
        Alternate a => a.Items.Any(static i => i.IsNullable),
        Repeat r => r.Min == 0 || r.Item.IsNullable,
        Atomic a => a.Item.IsNullable,
        _ => true,
    };

    /// <summary>How many code points the node always matches, or null when that varies.</summary>
    public int? FixedLength
    {
        get
        {
            switch (this)
            {
                case Set:
                    return 1;
                case Concat c:
                    int total = 0;
                    foreach (PatternNode item in c.Items)
                    {
                        if (item.FixedLength is not { } length)
                        {
                            return null;
                        }

                        total += length;
                    }

                    return total;
                case Alternate a:
                    int? first = a.Items[0].FixedLength;
                    return a.Items.All(i => i.FixedLength == first) ? first : null;
                case Repeat r:
                    return r.Min == r.Max && r.Item.FixedLength is { } one && (long)one * r.Min <= ushort.MaxValue
                        ? one * r.Min
                        : null;
                case Atomic a:
                    return a.Item.FixedLength;
                default:
                    return 0;
            }
        }
    }
}

/// <summary>Conditions on a position.</summary>
internal enum AnchorKind
{
    /// <summary>The start of the text (<c>\A</c>).</summary>
    TextStart,

    /// <summary>The end of the text (<c>\z</c>).</summary>
    TextEnd,

    /// <summary>The end of the text or before its last line feed (<c>\Z</c>).</summary>
    LastLineEnd,

    /// <summary>The start of a line (<c>^</c>, which in this dialect is about lines).</summary>
    LineStart,

    /// <summary>The end of a line (<c>$</c>).</summary>
    LineEnd,

    /// <summary>Between a word character and none (<c>\b</c>).</summary>
    WordBoundary,

    /// <summary>Not between a word character and none (<c>\B</c>).</summary>
    NotWordBoundary,
}
