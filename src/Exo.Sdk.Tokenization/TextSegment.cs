namespace Exo.Sdk.Tokenization;

/// <summary>
/// A run of text and where it comes from. Segments are encoded as one text; only the origin decides
/// whether a special token written in it becomes that token.
/// </summary>
/// <param name="Text">The text.</param>
/// <param name="IsControl">
/// <see langword="true"/> for text of the program itself (a chat template), in which special tokens such as
/// <c>&lt;|im_start|&gt;</c> are recognized; <see langword="false"/> for text of a user, in which they stay text.
/// </param>
public readonly record struct TextSegment(string Text, bool IsControl);
