using System.Text;
using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace Exo.Sdk.Tokenization.Tests.Fuzzing;

/// <summary>However the files of a tokenizer are damaged, they load, or an error of ours names one of them.</summary>
public class TokenizerFuzzTests(ITestOutputHelper output)
{
    // A vocabulary of a few hundred tokens; its largest id may make tables of some MB.
    private const long MaxBytes = 512L * 1024 * 1024;

    // Bytes as Latin-1, so that they need not be UTF-8.
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", "\"", ":", ",", "\\", "\\ud800", "\\udc00x", "\\u0000", "\xFF", "\xC3", "\xF0\x9F", "\xED\xA0\x80", "null", "true", "0", "-1", "1e9",
        "65535", "2147483647", "{}", "[]", "\"\"", "{\"a\\ud800\":1,", "{\"\xFF\":1,", "\"type\":", "\"content\":", "\"id\":", "\"Sequence\"", "\"Split\"", "\"Replace\"",
        "\"ByteLevel\"", "\"Metaspace\"", "\"Regex\":\"(a*)*b\"", "\"Regex\":\"[\"", "\"Strip\"", "{{", "{%", "\xEF\xBB\xBF", " ", "\n", "\0",
    ];

    private static readonly string[] Names = ["type", "id", "content", "a", "", "\u001b[2J", "pattern", "Regex", "String", "merges", "special_tokens", "single", "normalizers", "pretokenizers", "decoders", "prepend_scheme"];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "3.5", "1e99", "257", "100000", "2147483647", "99999999999", "\"\"", "\"a\"", "\" \"", "\"\\u001b[2J\"", "\"<s>\"", "\"▁\"", "\"first\"", "\"Isolated\"",
        "[]", "{}", "[[]]", "[null]", "[\"a\",\"b\"]", """{"type":"ByteLevel"}""", """{"type":"Sequence","normalizers":[],"pretokenizers":[],"decoders":[]}""", """{"Regex":"(a|b)*\\p{L}+"}""", """{"String":""}""",
        """{"type":"Split","pattern":{"Regex":"\\s+"},"behavior":"MergedWithNext","invert":true}""", """{"type":"Replace","pattern":{"String":""},"content":"x"}""", """{"type":"Prepend","prepend":"é"}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", """{"type":"Strip","content":"a","start":3,"stop":9}""", """{"id":300,"content":"a","special":true,"lstrip":true,"rstrip":true,"single_word":true}""",
    ];

    private static readonly (string Name, byte[] Content)[][] Folders =
    [
        [
            ("tokenizer.json", Json(TokenizerFixture.ByteLevel(["a b", "ab c", "d e"], ("<|im_start|>", true), ("<tool>", false)))),
            ("tokenizer_config.json", Bytes("""
                {"add_bos_token":true,"bos_token":{"content":"<|im_start|>"},"eos_token":"<tool>","additional_special_tokens":["<tool>"],
                 "added_tokens_decoder":{"259":{"content":"<|im_start|>","special":true,"lstrip":false}},
                 "chat_template":[{"name":"default","template":"{% for m in messages %}{{ m.content }}{% endfor %}"}]}
                """)),
            ("special_tokens_map.json", Bytes("""{"pad_token":"<tool>","additional_special_tokens":[{"content":"<|im_start|>"}]}""")),
            ("added_tokens.json", Bytes("""{"<more>":261}""")),
            ("generation_config.json", Bytes("""{"eos_token_id":[260,259],"bos_token_id":259}""")),
            ("config.json", Bytes("""{"eos_token_id":260,"vocab_size":262}""")),
        ],
        [
            ("tokenizer.json", Json(TokenizerFixture.ByteFallback("▁abcdé", "a b", "▁ a"))),
            ("chat_template.jinja", Bytes("{{ bos_token }}{% for m in messages %}{{ m.content | trim }}{% endfor %}")),
        ],
        [
            ("tokenizer.model", new Proto().Piece("<unk>", 0, 2).Piece("a", -1, 1).Piece("▁", -2, 1).Piece("▁a", -1, 1).With(new Proto().Number(3, 2), false).Bytes),
            ("tokenizer_config.json", Bytes("""{"legacy":false,"add_eos_token":true,"eos_token":"a"}""")),
        ],
    ];

    [Fact]
    public void Damaged_files_load_or_are_named() => Rounds.Run(
        cases: 3_000,
        MaxBytes,
        static random =>
        {
            Mutator mutator = new(random, Pieces);
            (string Name, byte[] Content)[] folder = [.. Folders[random.Next(Folders.Length)]];
            int damaged = random.Next(folder.Length), other = random.Next(folder.Length);
            string content = folder[damaged].Name.EndsWith(".json", StringComparison.Ordinal) && random.Next(3) > 0
                ? Encoding.Latin1.GetString(Bytes(DamagedTree(random, folder[damaged].Content)))
                : mutator.Damage(Encoding.Latin1.GetString(folder[damaged].Content), Encoding.Latin1.GetString(folder[other].Content));
            folder[damaged].Content = Encoding.Latin1.GetBytes(content);
            return ($"{folder[damaged].Name}: {content}", () => Use(folder));
        },
        output);

    private static void Use((string Name, byte[] Content)[] files)
    {
        string folder = Directory.CreateTempSubdirectory("exo-tokenizer-").FullName;
        try
        {
            foreach ((string name, byte[] content) in files)
            {
                File.WriteAllBytes(Path.Combine(folder, name), content);
            }

            Tokenizer tokenizer = Load(Tokenizer.Load);
            ChatTemplate? template = Load(static f => ChatTemplate.Load(f));
            int[] ids = tokenizer.Encode("abc de <tool> é😀 \n a", addSpecialTokens: true, parseSpecialTokens: true);
            tokenizer.Decode(ids);
            tokenizer.Decode([0, 1, 258, 259, 260, 261, 1000], skipSpecial: true);
            template?.Render([new("user", "a")]);

            T Load<T>(Func<string, T> load)
            {
                try
                {
                    return load(folder);
                }
                catch (ExoException e)
                {
                    e.Message.Should().Contain(folder, "an error names its file");
                    throw;
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The JSON with some of its values replaced, taken away, put elsewhere or under another name: it stays JSON.
    private static string DamagedTree(Random random, byte[] json)
    {
        JsonNode root = JsonNode.Parse(json)!;
        for (int times = 1 + random.Next(3); times > 0; times--)
        {
            JsonNode[] nodes = [.. Within(root).OfType<JsonNode>()];
            JsonNode at = nodes[random.Next(nodes.Length)];
            JsonNode? value = random.Next(3) == 0 ? nodes[random.Next(nodes.Length)].DeepClone() : Parse(Values[random.Next(Values.Length)]);
            switch (at)
            {
                case JsonObject { Count: > 0 } members:
                    string name = members.ElementAt(random.Next(members.Count)).Key;
                    int what = random.Next(3);
                    JsonNode? kept = members[name]?.DeepClone();
                    _ = what == 2 || members.Remove(name);
                    members[what == 0 ? Names[random.Next(Names.Length)] : name] = what == 0 ? kept : value;
                    _ = what == 1 && members.Remove(name);
                    break;
                case JsonArray { Count: > 0 } items:
                    items[random.Next(items.Count)] = value;
                    break;
                case JsonArray items:
                    items.Add(value);
                    break;
            }
        }

        return root.ToJsonString();
    }

    private static IEnumerable<JsonNode?> Within(JsonNode? node) => (node switch
    {
        // Of a vocabulary, a few.
        JsonObject members => members.Take(20).Select(static m => m.Value),
        JsonArray items => items,
        _ => [],
    }).SelectMany(Within).Prepend(node);

    private static JsonNode? Parse(string json) => JsonNode.Parse(json);

    private static byte[] Json(JsonObject json) => Bytes(json.ToJsonString());

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
