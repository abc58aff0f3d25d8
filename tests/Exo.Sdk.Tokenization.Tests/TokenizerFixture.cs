using System.Text.Json;
using System.Text.Json.Nodes;

namespace Exo.Sdk.Tokenization.Tests;

/// <summary>Writes small tokenizers into a folder of their own and loads them.</summary>
internal static class TokenizerFixture
{
    /// <summary>The characters that stand for bytes in byte-level tokenizers (Radford et al. 2019): printable ones for themselves, the others from U+0100 on.</summary>
    private static readonly char[] Alphabet = MakeAlphabet();

    public const string GptSplit = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""";

    public const string SpaceNormalizer = """
        {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}
        """;

    public const string SpaceDecoder = """
        {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},
        {"type":"Strip","content":" ","start":1,"stop":0}]}
        """;

    /// <summary>A byte-level tokenizer: 256 bytes (ids 0–255), then a token per merge, then the added tokens.</summary>
    public static JsonObject ByteLevel(string[] merges, params (string Content, bool Special)[] added)
    {
        JsonObject vocabulary = [];
        for (int b = 0; b < 256; b++)
        {
            vocabulary[Alphabet[b].ToString()] = b;
        }

        return Tokenizer(vocabulary, merges, added, preTokenizer: GptSplit, decoder: """{"type":"ByteLevel"}""");
    }

    /// <summary>
    /// A SentencePiece-style tokenizer: unknown, begin, end (0–2), 256 byte tokens (3–258), the given characters, then a
    /// token per merge.
    /// </summary>
    public static JsonObject ByteFallback(string characters, params string[] merges)
    {
        JsonObject vocabulary = new() { ["<unk>"] = 0, ["<s>"] = 1, ["</s>"] = 2 };
        for (int b = 0; b < 256; b++)
        {
            vocabulary[$"<0x{b:X2}>"] = vocabulary.Count;
        }

        foreach (char c in characters)
        {
            vocabulary[c.ToString()] = vocabulary.Count;
        }

        JsonObject json = Tokenizer(
            vocabulary, merges, [("<unk>", true), ("<s>", true), ("</s>", true)], normalizer: SpaceNormalizer, decoder: SpaceDecoder);
        json["model"]!["unk_token"] = "<unk>";
        json["model"]!["byte_fallback"] = true;
        json["model"]!["fuse_unk"] = true;
        json["post_processor"] = Parse("""
            {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
             "pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}
            """);
        return json;
    }

    public static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    /// <summary>Loads a tokenizer from the given files of a folder.</summary>
    public static Tokenizer Load(JsonObject tokenizer, params (string Name, string Content)[] files) =>
        Load([("tokenizer.json", Bytes(tokenizer.ToJsonString())), .. files.Select(static f => (f.Name, Bytes(f.Content)))]);

    /// <summary>Loads a tokenizer from the given files of a folder.</summary>
    public static Tokenizer Load(params (string Name, byte[] Content)[] files)
    {
        string folder = Directory.CreateTempSubdirectory("exo-tokenizer-").FullName;
        try
        {
            foreach ((string name, byte[] content) in files)
            {
                File.WriteAllBytes(Path.Combine(folder, name), content);
            }

            return Tokenization.Tokenizer.Load(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static JsonObject Tokenizer(
        JsonObject vocabulary,
        string[] merges,
        (string Content, bool Special)[] added,
        string? normalizer = null,
        string? preTokenizer = null,
        string? decoder = null)
    {
        JsonArray mergeArray = [];
        foreach (string merge in merges)
        {
            string token = merge.Replace(" ", "", StringComparison.Ordinal);
            mergeArray.Add(merge);
            if (!vocabulary.ContainsKey(token))
            {
                vocabulary[token] = vocabulary.Count;
            }
        }

        JsonArray addedArray = [];
        int next = vocabulary.Count;
        foreach ((string content, bool special) in added)
        {
            int id = vocabulary[content]?.GetValue<int>() ?? next++;
            addedArray.Add(JsonSerializer.SerializeToNode(new { id, content, special, single_word = false, lstrip = false, rstrip = false, normalized = false }));
        }

        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = addedArray,
            ["normalizer"] = normalizer is null ? null : Parse(normalizer),
            ["pre_tokenizer"] = preTokenizer is null ? null : Parse(preTokenizer),
            ["post_processor"] = null,
            ["decoder"] = decoder is null ? null : Parse(decoder),
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = mergeArray },
        };
    }

    private static char[] MakeAlphabet()
    {
        char[] alphabet = new char[256];
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
        {
            alphabet[b] = b is (>= '!' and <= '~') or (>= 0xa1 and <= 0xac) or >= 0xae ? (char)b : next++;
        }

        return alphabet;
    }
}
