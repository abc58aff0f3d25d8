using System.Text;

namespace Exo.Sdk.Tokenization;

/// <summary>
/// Turns text into the token ids of a model and back. Immutable after loading and safe for concurrent use.
/// </summary>
/// <remarks>
/// A special token that a user types, such as <c>&lt;|im_start|&gt;</c>, stays text: its characters are encoded like
/// any other. Only text that the caller marks as its own (<c>parseSpecialTokens</c>,
/// <see cref="TextSegment.IsControl"/>) turns into special tokens.
/// </remarks>
public abstract class Tokenizer
{
    /// <summary>One more than the largest id. The model's embedding may have more rows.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>The token that a text begins with, if the model has one.</summary>
    public abstract int? BeginToken { get; }

    /// <summary>The tokens that end a generation; the first is the tokenizer's own end-of-sequence token.</summary>
    public abstract IReadOnlyList<int> EndTokens { get; }

    /// <summary>Loads the tokenizer of a model folder.</summary>
    /// <param name="modelFolder">
    /// The folder; <c>tokenizer.json</c> is preferred to <c>tokenizer.model</c>. Begin and end tokens come from
    /// <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c>, <c>generation_config.json</c> and <c>config.json</c>.
    /// </param>
    /// <exception cref="ModelFormatException">A file is absent, damaged or larger than its bound.</exception>
    /// <exception cref="UnsupportedModelException">The tokenizer is of a kind that is not supported.</exception>
    public static Tokenizer Load(string modelFolder)
    {
        ArgumentNullException.ThrowIfNull(modelFolder);
        return TokenizerFolder.Load(modelFolder, vocabularySize: null);
    }

    /// <summary>Loads the tokenizer of a model folder and checks that its tokens are the model's.</summary>
    /// <param name="modelFolder">The folder, as for <see cref="Load(string)"/>.</param>
    /// <param name="vocabularySize">
    /// How many ids the model knows: the <c>vocab_size</c> of its <c>config.json</c>. A token that a text may become, that is
    /// put around texts or that ends a generation must be below. A special added token may lie outside, as in some published
    /// models; ids that a template or a caller makes of it are for the caller to check.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive.</exception>
    /// <exception cref="ModelFormatException">
    /// A file is absent, damaged or larger than its bound, or a token is outside the model's vocabulary; the error names the
    /// file, the token and its id.
    /// </exception>
    /// <exception cref="UnsupportedModelException">The tokenizer is of a kind that is not supported.</exception>
    public static Tokenizer Load(string modelFolder, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(modelFolder);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        return TokenizerFolder.Load(modelFolder, vocabularySize);
    }

    /// <summary>Encodes one text.</summary>
    /// <param name="text">The text; lone surrogates are taken as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether the begin and end tokens that the tokenizer prescribes are added.</param>
    /// <param name="parseSpecialTokens">Whether special tokens written in <paramref name="text"/> become those tokens.
    /// Only for text that no user had a hand in.</param>
    /// <exception cref="TokenizationException">The vocabulary has no way to write a character of the text.</exception>
    public int[] Encode(string text, bool addSpecialTokens = true, bool parseSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Encode([new TextSegment(text, parseSpecialTokens)], addSpecialTokens);
    }

    /// <summary>
    /// Encodes segments of different origin as one text: words and merges reach across their borders, but a special
    /// token is recognized only where all of it lies in control text.
    /// </summary>
    /// <param name="segments">The segments, in order.</param>
    /// <param name="addSpecialTokens">Whether the begin and end tokens that the tokenizer prescribes are added; a chat
    /// template writes them itself.</param>
    /// <exception cref="TokenizationException">The vocabulary has no way to write a character of the text.</exception>
    public abstract int[] Encode(IReadOnlyList<TextSegment> segments, bool addSpecialTokens);

    /// <summary>Turns ids into text. Incomplete or invalid UTF-8 becomes U+FFFD.</summary>
    /// <param name="ids">The ids; those without a token give no text.</param>
    /// <param name="skipSpecial">Whether special tokens give no text.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false)
    {
        TokenDecoder decoder = CreateDecoder(skipSpecial);
        StringBuilder text = new();
        foreach (int id in ids)
        {
            text.Append(decoder.Append(id));
        }

        return text.Append(decoder.Flush()).ToString();
    }

    /// <summary>Starts the decoding of a stream of tokens.</summary>
    /// <param name="skipSpecial">Whether special tokens give no text.</param>
    /// <param name="prompt">
    /// What comes before the stream. It gives no text itself, but decides whether the stream's first piece begins a
    /// text (and loses the leading space that SentencePiece vocabularies put there) or continues one. The begin token
    /// alone leaves the stream at the start of a text.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">An id of the prompt is negative.</exception>
    public abstract TokenDecoder CreateDecoder(bool skipSpecial = false, ReadOnlySpan<int> prompt = default);

    /// <summary>The id of a token by its exact content in the vocabulary, or null.</summary>
    /// <param name="content">The token as the tokenizer file writes it, for example <c>&lt;|im_end|&gt;</c>.</param>
    public abstract int? FindToken(string content);

    /// <summary>Whether a token is special: of the program, not of the text.</summary>
    /// <param name="id">The token.</param>
    public abstract bool IsSpecial(int id);
}
