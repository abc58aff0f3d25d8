using System.Globalization;
using Exo.Sdk.Input;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>
/// Whether the tokens of a tokenizer are those of its model. A tokenizer is a file beside the model's, and an id that the
/// model has no row for would be found only when a text contains it.
/// </summary>
/// <remarks>
/// Refused is what any text may become (the vocabulary, and added tokens that are not special) and what is put around every
/// text or ends every generation. A special added token may lie outside: published models carry such, for padding or for
/// images they do not take, and only a template or a caller can write it; the request that does is refused. A model with more
/// rows than there are tokens is the usual case.
/// </remarks>
internal static class ModelVocabulary
{
    /// <summary>Checks the tokens.</summary>
    /// <param name="parts">The tokenizer.</param>
    /// <param name="size">How many ids the model knows, from 0.</param>
    /// <exception cref="ModelFormatException">A token that may come up lies outside.</exception>
    public static void Require(TokenizerParts parts, int size)
    {
        foreach ((string content, int id) in parts.Vocabulary)
        {
            Require("the token", content, id, parts.File, size);
        }

        foreach (AddedToken token in parts.Added)
        {
            if (!token.IsSpecial)
            {
                Require("the added token", token.Content, token.Id, token.File ?? parts.File, size);
            }
        }

        foreach ((string role, IEnumerable<int> ids) in (ReadOnlySpan<(string, IEnumerable<int>)>)
        [
            ("the begin token", parts.BeginToken is { } begin ? [begin] : []),
            ("the end token", parts.EndTokens),
            ("the token around every text", parts.Prefix.Concat(parts.Suffix)),
        ])
        {
            foreach (int id in ids)
            {
                AddedToken? token = parts.Added.FirstOrDefault(t => t.Id == id);
                Require(role, token?.Content, id, token?.File ?? parts.File, size);
            }
        }
    }

    private static void Require(string role, string? content, int id, string file, int size)
    {
        if (id >= size)
        {
            throw new ModelFormatException(
                file,
                $"{role}{(content is null ? "" : $" {HostileText.Quote(content)}")} is outside the model's vocabulary",
                string.Create(CultureInfo.InvariantCulture, $"an id below {size}, the model's vocab_size"),
                id.ToString(CultureInfo.InvariantCulture));
        }
    }
}
