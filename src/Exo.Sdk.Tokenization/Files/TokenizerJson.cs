using System.Text.Json;
using Exo.Sdk.Input;
using Exo.Sdk.Tokenization.Bpe;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.Files;

/// <summary>Reads a <c>tokenizer.json</c>.</summary>
internal static class TokenizerJson
{
    private const int MaxAddedLength = 4096;

    /// <summary>Reads the file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="settings">What the files beside it say.</param>
    public static TokenizerParts Read(string file, TokenizerSettings settings)
    {
        JsonCursor root = JsonCursor.Open(file);
        JsonCursor model = root["model"];

        // Old files leave the type out; merges tell the kind then.
        string type = model["type"].OptionalString() ?? (model["merges"].Exists ? "BPE" : "of no type");
        if (type != "BPE")
        {
            throw model["type"].Unsupported($"tokenizer model '{type}'", "BPE");
        }

        Dictionary<string, int> vocabulary = ReadVocabulary(model["vocab"]);
        AddedTokenTable added = new(file, vocabulary);
        foreach (JsonCursor token in root["added_tokens"].Items())
        {
            added.Add(ReadAdded(token, token["id"].Index()));
        }

        added.AddSettings(settings);
        HashSet<int> special = added.SpecialIds();
        int? begin = added.Find(settings.Begin) ?? settings.BeginTokenOfModel;
        int? end = added.Find(settings.End);
        PostProcessor post = PostProcessor.Read(root["post_processor"], added).With(settings, begin, end);
        return new TokenizerParts
        {
            File = file,
            Vocabulary = vocabulary,
            Added = added.Tokens,
            Normalizer = NormalizerReader.Read(root["normalizer"]),
            PreTokenizer = PreTokenizerReader.Read(root["pre_tokenizer"]),
            Model = ReadModel(model, vocabulary, special),
            TokenBytes = DecoderReader.Read(root["decoder"]),
            Prefix = post.Prefix,
            Suffix = post.Suffix,
            BeginToken = begin,
            EndTokens = settings.EndTokens(end),
        };
    }

    /// <summary>Reads an added token.</summary>
    public static AddedToken ReadAdded(JsonCursor json, int id)
    {
        string content = json["content"].String();
        if (content.Length is 0 or > MaxAddedLength)
        {
            throw json["content"].Fail("an added token is empty or too long", $"1 to {MaxAddedLength} characters");
        }

        bool special = json["special"].Bool(false);
        return new AddedToken(
            id, content, special, json["single_word"].Bool(false), json["lstrip"].Bool(false), json["rstrip"].Bool(false), json["normalized"].Bool(!special))
        {
            File = json.File,
        };
    }

    private static Dictionary<string, int> ReadVocabulary(JsonCursor json)
    {
        if (json.Element.ValueKind != JsonValueKind.Object)
        {
            throw json.Fail("the vocabulary is missing or has the wrong kind", "an object of token: id");
        }

        Dictionary<string, int> vocabulary = [];
        foreach ((string token, JsonCursor id) in json.Members())
        {
            if (!vocabulary.TryAdd(token, id.Index()))
            {
                throw id.Fail("a token is in the vocabulary twice", "each token once");
            }
        }

        return vocabulary;
    }

    private static BpeModel ReadModel(JsonCursor json, Dictionary<string, int> vocabulary, HashSet<int> special)
    {
        foreach (string affix in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (json[affix].OptionalString() is { Length: > 0 })
            {
                throw json[affix].Unsupported($"BPE option '{affix}'", "none");
            }
        }

        int? unknown = null;
        if (json["unk_token"].OptionalString() is { } content)
        {
            unknown = vocabulary.TryGetValue(content, out int id) ? id : throw json["unk_token"].Fail("the unknown token is not in the vocabulary", "one of its tokens");
        }

        BpeOptions options = new(
            unknown, json["fuse_unk"].Bool(false), json["byte_fallback"].Bool(false), json["ignore_merges"].Bool(false));
        return new BpeModel(vocabulary, ReadMerges(json["merges"], vocabulary, special), special, options);
    }

    private static Dictionary<(int Left, int Right), (int Rank, int Id)> ReadMerges(
        JsonCursor json, Dictionary<string, int> vocabulary, HashSet<int> special)
    {
        if (json.Element.ValueKind != JsonValueKind.Array)
        {
            throw json.Fail("the merges are missing or have the wrong kind", "an array");
        }

        Dictionary<(int Left, int Right), (int Rank, int Id)> merges = new(json.Element.GetArrayLength());
        int rank = 0;
        foreach (JsonCursor merge in json.Items())
        {
            (string left, string right) = ReadMerge(merge);
            int leftId = Token(merge, left, vocabulary), rightId = Token(merge, right, vocabulary), id = Token(merge, left + right, vocabulary);

            // A merge that would make a special token out of text is left out; of two equal ones the later counts.
            if (!special.Contains(id))
            {
                merges[(leftId, rightId)] = (rank, id);
            }

            rank++;
        }

        return merges;
    }

    private static int Token(JsonCursor merge, string token, Dictionary<string, int> vocabulary) => vocabulary.TryGetValue(token, out int id)
        ? id
        : throw merge.Fail($"a merge names {HostileText.Quote(token)}, which the vocabulary lacks", "two tokens whose union is a token");

    private static (string Left, string Right) ReadMerge(JsonCursor merge)
    {
        if (merge.Element.ValueKind == JsonValueKind.Array)
        {
            return merge.Items().Select(static m => m.String()).ToArray() is [var left, var right]
                ? (left, right)
                : throw merge.Fail("a merge is not a pair", "two tokens");
        }

        string text = merge.String();
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && space == text.LastIndexOf(' ') && space < text.Length - 1
            ? (text[..space], text[(space + 1)..])
            : throw merge.Fail("a merge is not a pair", "two tokens with one space between them");
    }
}
