using System.Text;

namespace Exo.Sdk.Tokenization.Bpe;

/// <summary>
/// How tokens become text: a function from one token to its bytes, and what is stripped from the two ends of the
/// whole text. Everything that needs more than one token at a time is in <see cref="TokenDecoder"/>.
/// </summary>
/// <param name="OfToken">The UTF-8 bytes, or the raw byte, of a token in the middle of a text.</param>
/// <param name="OfFirstToken">The same for the first token of a text, where that differs.</param>
/// <param name="StripCharacter">The character stripped from the ends of a text.</param>
/// <param name="StripStart">How many are stripped at the start.</param>
/// <param name="StripEnd">How many are stripped at the end.</param>
internal sealed record TokenBytes(
    Func<string, byte[]> OfToken, Func<string, byte[]>? OfFirstToken = null, char StripCharacter = ' ', int StripStart = 0, int StripEnd = 0)
{
    /// <summary>The byte of a byte-fallback token such as <c>&lt;0x0A&gt;</c>, or -1.</summary>
    public static int FallbackByte(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && char.IsAsciiHexDigit(token[3]) && char.IsAsciiHexDigit(token[4])
            ? Convert.ToInt32(token.Substring(3, 2), 16)
            : -1;

    /// <summary>The byte-fallback token of a byte.</summary>
    public static string FallbackToken(byte value) => $"<0x{value:X2}>";

    /// <summary>UTF-8 of the text itself.</summary>
    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
