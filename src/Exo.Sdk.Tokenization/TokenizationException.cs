namespace Exo.Sdk.Tokenization;

/// <summary>
/// A text cannot be turned into token ids, or a chat template refused the messages. The tokenizer
/// itself stays usable.
/// </summary>
/// <param name="message">What was asked, what went wrong and what to change.</param>
/// <param name="innerException">The error behind it, if any.</param>
public sealed class TokenizationException(string message, Exception? innerException = null)
    : ExoException(message, innerException);
