using System.Text.Json.Nodes;
using static Exo.Sdk.Tokenization.Tests.TokenizerFixture;

namespace Exo.Sdk.Tokenization.Tests;

public class MalformedTokenizerTests
{
    public static TheoryData<string, string, string> Edits => new()
    {
        // JSON path, what is put there, what the error says
        { "model", "null", "'of no type'" },
        { "model.type", "\"Unigram\"", "Unigram" },
        { "model.vocab", "[]", "$.model.vocab" },
        { "model.vocab.a", "-1", "$.model.vocab['a']" },
        { "model.vocab.a", "2147483647", "far beyond" },
        { "model.vocab.a", "1e99", "$.model.vocab['a']" },
        { "model.vocab.a", "66", "two tokens have one id" },
        { "model.merges", "{}", "$.model.merges" },
        { "model.merges", "[\"a\"]", "$.model.merges[0]" },
        { "model.merges", "[\"a b\",\"a  b\"]", "$.model.merges[1]" },
        { "model.merges", "[[\"a\",\"b\",\"c\"]]", "not a pair" },
        { "model.merges", "[\"a zz\"]", "'zz', which the vocabulary lacks" },
        { "model.merges", "[\"a c\"]", "'ac', which the vocabulary lacks" },
        { "model.unk_token", "\"nope\"", "$.model.unk_token" },
        { "model.end_of_word_suffix", "\"</w>\"", "end_of_word_suffix" },
        { "model.byte_fallback", "\"yes\"", "true or false" },
        { "added_tokens", "[{\"id\":300}]", "$.added_tokens[0].content" },
        { "added_tokens", "[{\"id\":3.5,\"content\":\"x\"}]", "$.added_tokens[0].id" },
        { "added_tokens", "[{\"id\":300,\"content\":\"\"}]", "empty or too long" },
        { "added_tokens", "[{\"id\":300,\"content\":\"x\"},{\"id\":301,\"content\":\"x\"}]", "two ids" },
        { "added_tokens", "[{\"id\":300,\"content\":\"\\ud800\"}]", "not Unicode text" },
        { "normalizer", "{\"type\":\"Nmt\"}", "Nmt" },
        { "normalizer", "{}", "$.normalizer.type" },
        { "normalizer", "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}", "$.normalizer.pattern.Regex" },
        { "normalizer", "{\"type\":\"Replace\",\"pattern\":{},\"content\":\"\"}", "neither form" },
        { "pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Sideways\"}", "Sideways" },
        { "pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", "one character" },
        { "pre_tokenizer", "7", "an object" },
        { "post_processor", "{\"type\":\"BertProcessing\"}", "BertProcessing" },
        { "post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}", "no place for the text" },
        { "post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\"}},{\"SpecialToken\":{\"id\":\"nope\"}}]}", "unknown token" },
        { "decoder", "{\"type\":\"CTC\"}", "CTC" },
        { "decoder", "{\"type\":\"Strip\",\"content\":\"ab\",\"start\":0,\"stop\":0}", "one character" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void A_wrong_value_is_a_typed_error_that_names_its_place(string path, string value, string says)
    {
        JsonObject json = ByteLevel(["a b"]);
        string[] names = path.Split('.');
        JsonNode at = json;
        foreach (string name in names[..^1])
        {
            at = at[name]!;
        }

        // The lone surrogate cannot pass through a JsonNode; it is put in as text.
        at[names[^1]] = "@@";
        string text = json.ToJsonString().Replace("\"@@\"", value, StringComparison.Ordinal);
        Action load = () => Load(("tokenizer.json", Bytes(text)));
        ExoException error = load.Should().Throw<ExoException>().WithMessage($"*{says}*").Which;
        error.Should().Match(e => e is ModelFormatException || e is UnsupportedModelException);
        error.Message.Should().Contain("tokenizer.json");
    }

    public static TheoryData<string, string> Files => new()
    {
        { "", "JSON" },
        { "{", "JSON" },
        { "{\"model\":{\"type\":\"BPE\"", "JSON" },
        { "[]", "$" },
        { "\"text\"", "$" },
        { new string('[', 100_000), "JSON" },
        { "{\"a\":\u0001}", "JSON" },
        { "{}trailing", "JSON" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_that_is_no_tokenizer_is_a_typed_error(string content, string says)
    {
        Action load = () => Load(("tokenizer.json", Bytes(content)));
        load.Should().Throw<ModelFormatException>().WithMessage($"*{says}*").Which.File.Should().EndWith("tokenizer.json");
    }

    [Fact]
    public void A_syntax_error_is_named_with_its_byte_offset()
    {
        Action load = () => Load(("tokenizer.json", Bytes("{\n\"é\": 1,\n  !}")));
        load.Should().Throw<ModelFormatException>().Which.Offset.Should().Be(13);
    }

    [Fact]
    public void A_huge_file_is_refused_unread()
    {
        string folder = Directory.CreateTempSubdirectory("exo-tokenizer-").FullName;
        try
        {
            using (FileStream file = File.Create(Path.Combine(folder, "tokenizer.json")))
            {
                file.SetLength(1L << 40);
            }

            Action load = () => Tokenizer.Load(folder);
            load.Should().Throw<ModelFormatException>().WithMessage("*too large*").Which.Found.Should().Contain("1099511627776");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void An_empty_folder_is_a_typed_error()
    {
        Action load = () => Load(Array.Empty<(string, byte[])>());
        load.Should().Throw<ModelFormatException>().WithMessage("*no tokenizer*");
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder":{"x":{"content":"a"}}}""")]
    [InlineData("tokenizer_config.json", """{"eos_token":7}""")]
    [InlineData("tokenizer_config.json", """{"add_bos_token":"yes"}""")]
    [InlineData("generation_config.json", """{"eos_token_id":[-1]}""")]
    [InlineData("special_tokens_map.json", "not json")]
    [InlineData("added_tokens.json", """{"x":"y"}""")]
    public void A_damaged_file_beside_it_is_named(string name, string content)
    {
        Action load = () => Load(ByteLevel([]), (name, content));
        load.Should().Throw<ModelFormatException>().Which.File.Should().EndWith(name);
    }

    [Theory]
    [InlineData("tokenizer.json", "\"vocab\":{", "\"vocab\":{\"\\ud800\":999,")]
    [InlineData("tokenizer.json", "\"vocab\":{", "\"vocab\":{\"\\udc00x\":999,")]
    [InlineData("tokenizer.json", "\"normalizer\":", "\"added_t\\ud800\":1,\"normalizer\":")]
    [InlineData("tokenizer.json", "\"merges\":[", "\"merges\":[\"a \\ud800\",")]
    [InlineData("tokenizer.json", "\"vocab\":{", "\"vocab\":{\"\u00ff\u00fe\":999,")]
    [InlineData("tokenizer.json", "\"vocab\":{", "\"vocab\":{\"\u00ed\u00a0\u0080\":999,")]
    [InlineData("tokenizer.json", "\"merges\":[", "\"merges\":[\"\u00c3\",")]
    [InlineData("tokenizer_config.json", "{", "{\"\\ud800token\":1,")]
    [InlineData("tokenizer_config.json", "{", "{\"\u00ff\":1,")]
    [InlineData("special_tokens_map.json", "{", "{\"\\udc00token\":1,")]
    [InlineData("added_tokens.json", "{", "{\"\\ud800\":300,")]
    [InlineData("generation_config.json", "{", "{\"eos_tok\\ud800en_id\":1,")]
    [InlineData("config.json", "{", "{\"eos_token_i\\ud800\":1,")]
    public void What_is_no_text_is_a_typed_error_that_names_its_file(string name, string at, string put)
    {
        string tokenizer = ByteLevel(["a b"]).ToJsonString();
        string damaged = (name == "tokenizer.json" ? tokenizer : "{\"end\":0}").Replace(at, put, StringComparison.Ordinal);
        Action load = () => Load(("tokenizer.json", Bytes(tokenizer)), (name, System.Text.Encoding.Latin1.GetBytes(damaged)));
        load.Should().Throw<ModelFormatException>().Which.File.Should().EndWith(name);
    }

    public static TheoryData<string, byte[], string> Protos => new()
    {
        { "empty", [], "the file is empty" },
        { "field 0", [0x00], "out of range" },
        { "length beyond the end", [0x0A, 0x7F, 0x0A], "beyond its message" },
        { "huge length", [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "beyond its message" },
        { "endless number", [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "wrong wire type" },
        { "endless skipped number", [0x48, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "ten bytes" },
        { "group", [0x4B], "unknown wire type" },
        { "text that is not UTF-8", [0x0A, 0x03, 0x0A, 0x01, 0xFF], "not UTF-8" },
        { "empty piece", [0x0A, 0x00], "empty" },
        { "NaN score", [0x0A, 0x08, 0x0A, 0x01, 0x61, 0x15, 0x00, 0x00, 0xC0, 0x7F], "score" },
        { "unknown kind", [0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x09], "unknown kind" },
        { "unigram", new Proto().Piece("<unk>", 0, 2).Message(2, new Proto().Number(3, 1)).Bytes, "unigram" },
        { "no type at all", new Proto().Piece("<unk>", 0, 2).Bytes, "unigram" },
        { "no unknown piece", new Proto().Piece("a", 0, 1).Message(2, new Proto().Number(3, 2)).Bytes, "unknown piece" },
        { "unknown piece out of range", new Proto().Piece("<unk>", 0, 2).Message(2, new Proto().Number(3, 2).Number(40, 9)).Bytes, "unknown piece" },
        { "piece twice", new Proto().Piece("<unk>", 0, 2).Piece("a", 0, 1).Piece("a", 0, 1).Message(2, new Proto().Number(3, 2)).Bytes, "twice" },
        { "missing bytes", new Proto().Piece("<unk>", 0, 2).Piece("<0x00>", 0, 6).Message(2, new Proto().Number(3, 2).Number(35, 1)).Bytes, "lacks bytes" },
        { "character map", new Proto().Piece("<unk>", 0, 2).Message(2, new Proto().Number(3, 2)).Message(3, new Proto().Data(2, [1])).Bytes, "character map" },
    };

    [Theory]
    [MemberData(nameof(Protos))]
    public void A_damaged_SentencePiece_model_is_a_typed_error(string what, byte[] content, string says)
    {
        Action load = () => Load(("tokenizer.model", content));
        ExoException error = load.Should().Throw<ExoException>(what).WithMessage($"*{says}*").Which;
        error.Message.Should().Contain("tokenizer.model");
        error.Should().Match(e => e is ModelFormatException || e is UnsupportedModelException);
    }

    [Fact]
    public void A_model_cut_anywhere_is_a_typed_error_or_a_smaller_model()
    {
        byte[] whole = new Proto().Piece("<unk>", 0, 2).Piece("a", -1, 1).Piece("▁", -2, 1).With(new Proto().Number(3, 2), false).Bytes;
        for (int length = 0; length < whole.Length; length++)
        {
            try
            {
                Load(("tokenizer.model", whole[..length]));
            }
            catch (ExoException)
            {
            }
        }
    }
}
