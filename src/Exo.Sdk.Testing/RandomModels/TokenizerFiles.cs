using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>
/// Writes a byte-level BPE tokenizer whose ids cover a vocabulary of any size: special tokens, then the 256 bytes (printable ones
/// first), then two-byte and three-byte tokens with their merges.
/// </summary>
internal static class TokenizerFiles
{
    public const int BeginToken = 0;
    public const int EndToken = 2;
    public static readonly string[] SpecialTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

    // ChatML, the template that most small chat models share.
    private const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static readonly JsonSerializerOptions Compact = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(string folder, int vocabulary, int contextLength)
    {
        string[] special = vocabulary >= SpecialTokens.Length ? SpecialTokens : [];
        JsonObject ids = [];
        JsonArray merges = [];
        AddTokens(ids, merges, special, vocabulary);
        JsonObject byteLevel = new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        JsonObject tokenizer = new()
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. special.Select(AddedToken)]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = byteLevel,
            ["post_processor"] = null,
            ["decoder"] = byteLevel.DeepClone(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["vocab"] = ids,
                ["merges"] = merges,
            },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString(Compact));
        JsonObject configuration = new()
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["add_bos_token"] = false,
            ["model_max_length"] = contextLength,
            ["chat_template"] = ChatTemplate,
        };
        if (special.Length > 0)
        {
            configuration["bos_token"] = special[BeginToken];
            configuration["eos_token"] = special[EndToken];
        }

        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), configuration.ToJsonString(Compact));
    }

    private static void AddTokens(JsonObject ids, JsonArray merges, string[] special, int vocabulary)
    {
        List<string> tokens = [.. ByteCharacters().Take(vocabulary - special.Length)];
        int bytes = tokens.Count;
        int left = 0;
        while (tokens.Count < vocabulary - special.Length)
        {
            // Every token of the list so far, in turn, is extended by each byte: pairs first, then triples.
            for (int right = 0; right < bytes && tokens.Count < vocabulary - special.Length; right++)
            {
                merges.Add((JsonNode)$"{tokens[left]} {tokens[right]}");
                tokens.Add(tokens[left] + tokens[right]);
            }

            left++;
        }

        int id = 0;
        foreach (string token in special.Concat(tokens))
        {
            ids[token] = id++;
        }
    }

    /// <summary>
    /// The characters that byte-level BPE writes bytes as (Radford et al. 2019): printable bytes are themselves, the others are
    /// U+0100 and up in order.
    /// </summary>
    private static IEnumerable<string> ByteCharacters()
    {
        List<string> others = [];
        for (int value = 0; value < 256; value++)
        {
            if (value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE)
            {
                yield return ((char)value).ToString();
            }
            else
            {
                others.Add(new Rune(0x100 + others.Count).ToString());
            }
        }

        foreach (string other in others)
        {
            yield return other;
        }
    }

    private static JsonNode AddedToken(string content, int id) => new JsonObject
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };
}
