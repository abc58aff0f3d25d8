namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>
/// Strings of short pieces of text that were made before, so that a stream of tokens, which repeats its pieces, makes no new ones.
/// A piece that finds its places taken takes over the first of them. Safe for concurrent use.
/// </summary>
internal sealed class TextPool
{
    /// <summary>Longer pieces are made anew.</summary>
    internal const int LongestPiece = 64;

    private const int PlacesTried = 4;
    private const int MostPieces = 1 << 16;
    private readonly string?[] _pieces;

    /// <summary>Makes an empty pool.</summary>
    /// <param name="expectedPieces">How many different pieces are likely to come.</param>
    internal TextPool(int expectedPieces) =>
        _pieces = new string?[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(2L * expectedPieces, 256, MostPieces))];

    /// <summary>The piece as a string.</summary>
    internal string Get(ReadOnlySpan<char> piece)
    {
        if (piece.Length > LongestPiece)
        {
            return piece.ToString();
        }

        int mask = _pieces.Length - 1;
        int first = string.GetHashCode(piece) & mask;
        int free = first;
        for (int i = PlacesTried - 1; i >= 0; i--)
        {
            string? found = Volatile.Read(ref _pieces[(first + i) & mask]);
            if (found is null)
            {
                free = (first + i) & mask;
            }
            else if (piece.SequenceEqual(found))
            {
                return found;
            }
        }

        string made = piece.ToString();
        Volatile.Write(ref _pieces[free], made);
        return made;
    }
}
