using System.Text.Json;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>
/// What the small files beside a tokenizer say about it: <c>tokenizer_config.json</c>,
/// <c>special_tokens_map.json</c>, <c>added_tokens.json</c>, <c>generation_config.json</c>, <c>config.json</c>.
/// </summary>
internal sealed class TokenizerSettings
{
    private static readonly string[] SpecialRoles =
        ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"];

    private readonly JsonCursor _config;
    private readonly JsonCursor _map;
    private readonly JsonCursor _addedTokens;
    private readonly JsonCursor _generation;
    private readonly JsonCursor _model;

    private TokenizerSettings(string folder)
    {
        _config = OpenIfThere(folder, "tokenizer_config.json");
        _map = OpenIfThere(folder, "special_tokens_map.json");
        _addedTokens = OpenIfThere(folder, "added_tokens.json");
        _generation = OpenIfThere(folder, "generation_config.json");
        _model = OpenIfThere(folder, "config.json");
        AddsBegin = Flag("add_bos_token");
        AddsEnd = Flag("add_eos_token");
        IsLegacy = Flag("legacy") ?? true;
    }

    /// <summary>Reads the files of a folder; those that are absent say nothing.</summary>
    public static TokenizerSettings Read(string folder) => new(folder);

    /// <summary>Whether a begin token is to be added; null where nothing is said.</summary>
    public bool? AddsBegin { get; }

    /// <summary>Whether an end token is to be added; null where nothing is said.</summary>
    public bool? AddsEnd { get; }

    /// <summary>Whether every text between special tokens gets the space prefix of SentencePiece (the older way).</summary>
    public bool IsLegacy { get; }

    /// <summary>The begin token's content.</summary>
    public string? Begin => Content("bos_token");

    /// <summary>The end token's content.</summary>
    public string? End => Content("eos_token");

    /// <summary>The content of every token that has a special role.</summary>
    public IEnumerable<string> SpecialContents()
    {
        foreach (string role in SpecialRoles)
        {
            if (Content(role) is { Length: > 0 } content)
            {
                yield return content;
            }
        }

        foreach (JsonCursor file in new[] { _config, _map })
        {
            JsonCursor more = file["additional_special_tokens"];
            if (more.Element.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonCursor token in more.Items())
                {
                    yield return Text(token);
                }
            }
        }
    }

    /// <summary>The chat template, one or a list.</summary>
    public JsonCursor ChatTemplate => _config["chat_template"];

    /// <summary>The content of the special tokens by role.</summary>
    public Dictionary<string, string> SpecialTokens()
    {
        Dictionary<string, string> tokens = [];
        foreach (string role in SpecialRoles)
        {
            if (Content(role) is { } content)
            {
                tokens[role] = content;
            }
        }

        return tokens;
    }

    /// <summary>The added tokens that these files define.</summary>
    public IEnumerable<AddedToken> AddedTokens()
    {
        foreach ((string id, JsonCursor token) in _config["added_tokens_decoder"].Members())
        {
            yield return int.TryParse(id, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int number)
                ? TokenizerJson.ReadAdded(token, number)
                : throw token.Fail("a token id is not a number", "a whole number as the name of the member");
        }

        foreach ((string content, JsonCursor id) in _addedTokens.Members())
        {
            yield return new AddedToken(id.Index(), content, IsSpecial: false) { File = id.File };
        }
    }

    /// <summary>The ids that end a generation, the tokenizer's own first.</summary>
    /// <param name="own">The id of the tokenizer's end token.</param>
    public IReadOnlyList<int> EndTokens(int? own)
    {
        List<int> ids = own is { } first ? [first] : [];
        foreach (JsonCursor file in (ReadOnlySpan<JsonCursor>)[_generation, _model])
        {
            JsonCursor end = file["eos_token_id"];
            IEnumerable<JsonCursor> values = end.Element.ValueKind == JsonValueKind.Array ? end.Items() : end.Exists ? [end] : [];
            foreach (JsonCursor value in values)
            {
                int id = value.Index();
                if (!ids.Contains(id))
                {
                    ids.Add(id);
                }
            }
        }

        return ids;
    }

    /// <summary>The begin token's id by the model's own configuration, which counts only where no tokenizer file speaks.</summary>
    public int? BeginTokenOfModel =>
        !_config.Exists && !_map.Exists && _model["bos_token_id"] is { Exists: true } id ? id.Index() : null;

    private static JsonCursor OpenIfThere(string folder, string name)
    {
        string file = System.IO.Path.Combine(folder, name);
        return System.IO.File.Exists(file) ? JsonCursor.Open(file) : new(file, "$", default);
    }

    private bool? Flag(string name) => _config[name] is { Exists: true } flag ? flag.Bool(false) : null;

    // tokenizer_config.json may say null on purpose: then there is none, whatever the other file says.
    private string? Content(string role)
    {
        JsonCursor own = _config[role];
        return own.Exists ? Text(own)
            : own.Element.ValueKind == JsonValueKind.Null ? null
            : _map[role] is { Exists: true } other ? Text(other) : null;
    }

    private static string Text(JsonCursor token) =>
        token.Element.ValueKind == JsonValueKind.Object ? token["content"].String() : token.String();
}
