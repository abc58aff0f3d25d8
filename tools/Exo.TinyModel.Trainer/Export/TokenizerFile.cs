using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Exo.TinyModel.Trainer.Tokenizer;

namespace Exo.TinyModel.Trainer.Export;

/// <summary>Hugging Face's tokenizer.json.</summary>
internal static class TokenizerFile
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(string path, BytePairEncoding tokenizer)
    {
        // The special tokens too: the tokenizers library ignores the ids of added tokens and numbers those that the
        // vocabulary lacks behind it.
        var vocabulary = new JsonObject();
        for (var id = 0; id < tokenizer.Tokens.Count; id++)
        {
            vocabulary[tokenizer.Tokens[id]] = id;
        }
        var root = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. tokenizer.Specials.Select((token, id) => new JsonObject
            {
                ["id"] = id,
                ["content"] = token,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = BytePairEncoding.Pattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    ByteLevel(addPrefixSpace: false)),
            },
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(addPrefixSpace: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. tokenizer.Merges.Select(merge => new JsonArray(merge.Left, merge.Right))]),
            },
        };
        File.WriteAllText(path, root.ToJsonString(Readable) + "\n");
    }

    public static BytePairEncoding Read(string path)
    {
        using var root = JsonDocument.Parse(File.ReadAllBytes(path));
        return new(
            [.. root.RootElement.GetProperty("added_tokens").EnumerateArray().Select(token => token.GetProperty("content").GetString()!)],
            [.. root.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(merge => (merge[0].GetString()!, merge[1].GetString()!))]);
    }

    private static JsonObject ByteLevel(bool addPrefixSpace) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = addPrefixSpace,
        ["trim_offsets"] = true,
        ["use_regex"] = false,
    };
}
