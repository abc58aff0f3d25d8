namespace Exo.Sdk.Tokenization.Bpe;

/// <summary>Turns one piece of pre-tokenized text into token ids. Immutable and safe for concurrent use.</summary>
internal interface ITokenModel
{
    /// <summary>Encodes one piece.</summary>
    /// <param name="piece">Well-formed, not empty.</param>
    /// <param name="queue">Working memory of the calling thread.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <exception cref="TokenizationException">The vocabulary cannot write a character.</exception>
    void Encode(ReadOnlySpan<char> piece, MergeQueue queue, List<int> ids);
}
