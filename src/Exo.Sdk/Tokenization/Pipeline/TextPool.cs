namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>
/// Strings of short pieces of text that were made before, so that a stream of tokens, which repeats its pieces, makes no new ones.
/// A piece that falls on another's place takes it over. Safe for concurrent use.
/// </summary>
internal sealed class TextPool
{
    /// <summary>Longer pieces are made anew.</summary>
    internal const int LongestPiece = 64;

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

        ref string? place = ref _pieces[string.GetHashCode(piece) & (_pieces.Length - 1)];
        string? found = Volatile.Read(ref place);
        if (found is null || !piece.SequenceEqual(found))
        {
            found = piece.ToString();
            Volatile.Write(ref place, found);
        }

        return found;
    }
}
