using System.Globalization;
using Exo.Sdk.Tokenization.Bpe;

namespace Exo.Sdk.Tokenization.Pipeline;

/// <summary>What a <see cref="PipelineTokenizer"/> is made of.</summary>
internal sealed class TokenizerParts
{
    // Ids may have gaps, but a table of all ids must stay of the order of the file.
    private const int MaxGaps = 64 * 1024;

    /// <summary>The file they come from, for errors.</summary>
    public required string File { get; init; }

    /// <summary>The model's tokens.</summary>
    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>The tokens matched before the model.</summary>
    public required IReadOnlyList<AddedToken> Added { get; init; }

    public Normalizer? Normalizer { get; init; }

    public PreTokenizer? PreTokenizer { get; init; }

    public required ITokenModel Model { get; init; }

    public required TokenBytes TokenBytes { get; init; }

    /// <summary>The ids put before a text.</summary>
    public IReadOnlyList<int> Prefix { get; init; } = [];

    /// <summary>The ids put behind a text.</summary>
    public IReadOnlyList<int> Suffix { get; init; } = [];

    public int? BeginToken { get; init; }

    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>The ids that are special.</summary>
    public HashSet<int> SpecialIds => [.. Added.Where(static t => t.IsSpecial).Select(static t => t.Id)];

    /// <summary>The content of every id; null where an id has none.</summary>
    /// <exception cref="ModelFormatException">The ids are spread too far, or two tokens claim one id.</exception>
    public string?[] Contents()
    {
        int largest = -1;
        foreach (int id in Vocabulary.Values.Concat(Added.Select(static t => t.Id)))
        {
            largest = Math.Max(largest, id);
        }

        int limit = (4 * (Vocabulary.Count + Added.Count)) + MaxGaps;
        if (largest >= limit)
        {
            throw new ModelFormatException(
                File,
                "a token id is far beyond the number of tokens",
                string.Create(CultureInfo.InvariantCulture, $"ids below {limit}"),
                largest.ToString(CultureInfo.InvariantCulture),
                "vocabulary");
        }

        string?[] contents = new string?[largest + 1];
        foreach ((string content, int id) in Vocabulary)
        {
            if (contents[id] is { } other)
            {
                throw new ModelFormatException(
                    File, "two tokens have one id", "an id of its own for every token", $"'{other}' and '{content}' both {id}", "vocabulary");
            }

            contents[id] = content;
        }

        foreach (AddedToken token in Added)
        {
            contents[token.Id] = token.Content;
        }

        return contents;
    }
}
