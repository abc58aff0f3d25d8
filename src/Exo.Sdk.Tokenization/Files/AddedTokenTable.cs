using System.Globalization;
using Exo.Sdk.Input;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>Gathers the added tokens of a tokenizer from its files.</summary>
/// <param name="file">The tokenizer file, for errors.</param>
/// <param name="vocabulary">The model's tokens.</param>
internal sealed class AddedTokenTable(string file, Dictionary<string, int> vocabulary)
{
    private readonly Dictionary<string, int> _places = [];
    private readonly List<AddedToken> _tokens = [];

    /// <summary>The tokens, in the order they were added.</summary>
    public IReadOnlyList<AddedToken> Tokens => _tokens;

    /// <summary>Adds a token; one of the same content keeps its place and id and becomes special if either is.</summary>
    public void Add(AddedToken token)
    {
        if (_places.TryGetValue(token.Content, out int place))
        {
            AddedToken known = _tokens[place];
            if (known.Id != token.Id)
            {
                throw new ModelFormatException(
                    file,
                    $"the added token {HostileText.Quote(token.Content)} has two ids",
                    known.Id.ToString(CultureInfo.InvariantCulture),
                    token.Id.ToString(CultureInfo.InvariantCulture),
                    "added_tokens");
            }

            _tokens[place] = known with { IsSpecial = known.IsSpecial || token.IsSpecial };
            return;
        }

        _places.Add(token.Content, _tokens.Count);
        _tokens.Add(token);
    }

    /// <summary>Adds the tokens of the files beside the tokenizer and marks those with a special role.</summary>
    public void AddSettings(TokenizerSettings settings)
    {
        foreach (AddedToken token in settings.AddedTokens())
        {
            Add(token);
        }

        foreach (string content in settings.SpecialContents())
        {
            if (Find(content) is { } id)
            {
                Add(new AddedToken(id, content, IsSpecial: true));
            }
        }
    }

    /// <summary>The id of a token, added or of the model, by its content.</summary>
    public int? Find(string? content) => content is null ? null
        : _places.TryGetValue(content, out int place) ? _tokens[place].Id
        : vocabulary.TryGetValue(content, out int id) ? id : null;

    /// <summary>The ids that are special.</summary>
    public HashSet<int> SpecialIds() => [.. _tokens.Where(static t => t.IsSpecial).Select(static t => t.Id)];
}
