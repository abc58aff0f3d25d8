using System.Text;

namespace Exo.Sdk.Tokenization.SentencePiece;

/// <summary>The normalizer of a SentencePiece model without a character map.</summary>
/// <param name="AddDummyPrefix">Whether a space is put before the text.</param>
/// <param name="RemoveExtraWhitespaces">Whether spaces at the ends go and runs of them become one.</param>
/// <param name="EscapeWhitespaces">Whether spaces are written as <c>▁</c>.</param>
internal sealed record SentencePieceNormalizer(bool AddDummyPrefix, bool RemoveExtraWhitespaces, bool EscapeWhitespaces)
{
    /// <summary>How pieces write a space.</summary>
    public const char Space = '▁';

    /// <summary>Normalizes a text.</summary>
    public string Normalize(string text) => Normalize(text, AddDummyPrefix);

    /// <summary>Normalizes a text, with the prefix or without it.</summary>
    public string Normalize(string text, bool prefix)
    {
        if (RemoveExtraWhitespaces)
        {
            text = text.Trim(' ');
        }

        if (text.Length == 0)
        {
            return text;
        }

        char space = EscapeWhitespaces ? Space : ' ';
        StringBuilder result = new(text.Length + 1);
        if (prefix)
        {
            result.Append(space);
        }

        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != ' ')
            {
                result.Append(text[i]);
            }
            else if (!RemoveExtraWhitespaces || text[i - 1] != ' ')
            {
                result.Append(space);
            }
        }

        return result.ToString();
    }
}
