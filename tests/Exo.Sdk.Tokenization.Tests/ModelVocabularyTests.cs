using System.Text.Json.Nodes;

namespace Exo.Sdk.Tokenization.Tests;

/// <summary>A tokenizer whose tokens are not the model's.</summary>
public class ModelVocabularyTests
{
    public static TheoryData<string, string, string, string> Outside => new()
    {
        // the file, its content, what is outside, its id
        { "added_tokens.json", """{"<more>":258}""", "the added token '<more>'", "258" },
        { "tokenizer_config.json", """{"added_tokens_decoder":{"300":{"content":"<tool>"}}}""", "the added token '<tool>'", "300" },
        { "tokenizer_config.json", """{"bos_token":"<b>","added_tokens_decoder":{"300":{"content":"<b>","special":true}}}""", "the begin token '<b>'", "300" },
        { "tokenizer_config.json", """{"eos_token":{"content":"<e>"},"added_tokens_decoder":{"300":{"content":"<e>","special":true}}}""", "the end token '<e>'", "300" },
        { "generation_config.json", """{"eos_token_id":[257,999]}""", "the end token", "999" },
        { "config.json", """{"eos_token_id":999}""", "the end token", "999" },
    };

    [Theory]
    [MemberData(nameof(Outside))]
    public void A_token_outside_the_vocabulary_that_may_come_up_is_refused_at_load(string name, string content, string says, string id)
    {
        Action load = () => Load(258, TokenizerFixture.ByteLevel([], ("<|a|>", true), ("<x>", false)), (name, content));
        ModelFormatException error = load.Should().Throw<ModelFormatException>().WithMessage($"*{says}*vocabulary*258*").Which;
        error.Found.Should().Be(id);
        error.File.Should().EndWith(name.StartsWith("tokenizer_", StringComparison.Ordinal) || name == "added_tokens.json" ? name : "tokenizer.json");
        load = () => Load(1000, TokenizerFixture.ByteLevel([], ("<|a|>", true), ("<x>", false)), (name, content));
        load.Should().NotThrow("a model may have more rows than there are tokens");
    }

    [Fact]
    public void So_is_a_token_of_tokenizer_json_itself()
    {
        JsonObject json = TokenizerFixture.ByteLevel(["a b"], ("<x>", false));
        Action load = () => Load(257, json);
        load.Should().Throw<ModelFormatException>().WithMessage("*tokenizer.json*the added token '<x>'*below 257*found 257*");
        load = () => Load(256, json);
        load.Should().Throw<ModelFormatException>().WithMessage("*tokenizer.json*the token 'ab'*below 256*found 256*");
        load = () => Load(258, json);
        load.Should().NotThrow();

        json = TokenizerFixture.ByteLevel([], ("<s>", true));
        json["post_processor"] = TokenizerFixture.Parse("""{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"id":"<s>","ids":[256],"tokens":["<s>"]}}}""");
        load = () => Load(256, json);
        load.Should().Throw<ModelFormatException>().WithMessage("*the token around every text '<s>'*below 256*found 256*");
    }

    [Fact]
    public void So_is_a_piece_of_a_SentencePiece_model()
    {
        byte[] model = new Proto().Piece("<unk>", 0, 2).Piece("a", -1, 1).Piece("▁", -2, 1).With(new Proto().Number(3, 2), false).Bytes;
        Action load = () => Load(2, ("tokenizer.model", model));
        load.Should().Throw<ModelFormatException>().WithMessage("*tokenizer.model*the token '▁'*below 2*found 2*");
        load = () => Load(3, ("tokenizer.model", model));
        load.Should().NotThrow();
    }

    [Fact]
    public void A_special_token_outside_that_no_text_becomes_does_no_harm()
    {
        // As published: a padding token or one for images, one id beyond the model's.
        Tokenizer tokenizer = Load(257, TokenizerFixture.ByteLevel([], ("<|a|>", true), ("<image>", true)));
        tokenizer.Encode("<image><|a|>").Should().OnlyContain(static id => id < 256);
        tokenizer.Encode("<image>", parseSpecialTokens: true).Should().Equal(257);
        tokenizer = Load(256, TokenizerFixture.ByteLevel([]), ("added_tokens.json", """{"[PAD]":256}"""), ("special_tokens_map.json", """{"pad_token":"[PAD]"}"""));
        tokenizer.Encode("[PAD]").Should().OnlyContain(static id => id < 256);
    }

    [Fact]
    public void A_size_that_is_none_is_a_mistake_of_the_caller()
    {
        Action load = () => Tokenizer.Load("x", 0);
        load.Should().Throw<ArgumentOutOfRangeException>();
    }

    private static Tokenizer Load(int size, JsonObject tokenizer, params (string Name, string Content)[] files) =>
        Load(size, [("tokenizer.json", TokenizerFixture.Bytes(tokenizer.ToJsonString())), .. files.Select(static f => (f.Name, TokenizerFixture.Bytes(f.Content)))]);

    private static Tokenizer Load(int size, params (string Name, byte[] Content)[] files)
    {
        string folder = Directory.CreateTempSubdirectory("exo-tokenizer-").FullName;
        try
        {
            foreach ((string name, byte[] content) in files)
            {
                File.WriteAllBytes(Path.Combine(folder, name), content);
            }

            return Tokenizer.Load(folder, size);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
