namespace Exo.Sdk.Tokenization;

/// <summary>
/// Turns a stream of token ids into text as they come. What a token ends in the middle of, a character or a space
/// that may have to be stripped, is held back until it is decided. Not safe for concurrent use; one per stream.
/// </summary>
public abstract class TokenDecoder
{
    /// <summary>
    /// Takes one more token and gives the text that is certain by now: whole characters only, often none. Bytes
    /// that cannot be UTF-8 become U+FFFD.
    /// </summary>
    /// <param name="id">The token. An id without a token (padding of the embedding table) gives no text.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="id"/> is negative.</exception>
    public abstract string Append(int id);

    /// <summary>Ends the text and gives what was held back; a character that never got complete is U+FFFD. The decoder is then as new.</summary>
    public abstract string Flush();
}
