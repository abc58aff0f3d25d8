namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>A token that is matched in the text as a whole, before any other step.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="IsSpecial">Whether it is of the program and not of the text.</param>
/// <param name="SingleWord">Whether it is matched only where no word character touches it.</param>
/// <param name="StripLeft">Whether it swallows the white space before it.</param>
/// <param name="StripRight">Whether it swallows the white space behind it.</param>
/// <param name="Normalized">Whether it is matched in the normalized text.</param>
internal sealed record AddedToken(
    int Id, string Content, bool IsSpecial, bool SingleWord = false, bool StripLeft = false, bool StripRight = false, bool Normalized = false)
{
    /// <summary>The file that defines it, for errors; null where that is the tokenizer's own.</summary>
    public string? File { get; init; }
}
