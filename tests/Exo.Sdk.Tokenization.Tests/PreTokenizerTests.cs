using System.Text.Json;
using Exo.Sdk.Tokenization.Json;
using Exo.Sdk.Tokenization.Pipeline;

namespace Exo.Sdk.Tokenization.Tests;

/// <summary>The expected pieces are those of the tokenizers library (0.23).</summary>
public class PreTokenizerTests
{
    private const string Split = """{"type":"Split","pattern":{"Regex":"[\\s,]"},"invert":false,"behavior":""";

    [Theory]
    [InlineData(Split + "\"Isolated\"}", "a,, b", "a|,|,| |b")]
    [InlineData(Split + "\"Removed\"}", "a,, b", "a|b")]
    [InlineData(Split + "\"MergedWithPrevious\"}", "a,, b", "a,|,| |b")]
    [InlineData(Split + "\"MergedWithNext\"}", "a,, b", "a|,|,| b")]
    [InlineData(Split + "\"Contiguous\"}", "a,, b", "a|,, |b")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"\\w+"},"invert":true,"behavior":"Removed"}""", "a,, bc", "a|bc")]
    [InlineData("""{"type":"Split","pattern":{"String":"."},"behavior":"Isolated"}""", "a.b", "a|.|b")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"(?=(\\d{3})+(?!\\d))"},"behavior":"Isolated"}""", "1234567", "1|234|567")]
    [InlineData("""{"type":"Digits","individual_digits":true}""", "ab12²", "ab|1|2|²")]
    [InlineData("""{"type":"Digits","individual_digits":false}""", "ab12c", "ab|12|c")]
    [InlineData("""{"type":"Punctuation"}""", "a+b—c", "a|+|b|—|c")]
    [InlineData("""{"type":"Whitespace"}""", "ab, c!?", "ab|,|c|!?")]
    [InlineData("""{"type":"WhitespaceSplit"}""", " ab,  c\n", "ab,|c")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", "a  b", "▁a|▁|▁b")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":false}""", "a b", "a▁b")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":true}""", "a b", "▁a|▁b")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}""", "Hi, you're 12!", "ĠHi|,|Ġyou|'re|Ġ12|!")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", "é 😀", "Ã©ĠðŁĺĢ")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Digits","individual_digits":true}]}""", "a1 b", "a|1|b")]
    public void Cuts_as_the_type_says(string json, string text, string expected)
    {
        List<Piece> pieces = Read(json)([new Piece(text, new(0, text.Length), AtStart: true)]);
        string.Join("|", pieces.Select(static p => p.Chars.ToString())).Should().Be(expected);
    }

    [Fact]
    public void Metaspace_first_prefixes_only_the_start_of_the_text()
    {
        PreTokenizer first = Read("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}""");
        List<Piece> pieces = first([new Piece("a", new(0, 1), AtStart: true), new Piece("b", new(0, 1), AtStart: false)]);
        pieces.Select(static p => p.Chars.ToString()).Should().Equal("▁a", "b");
    }

    [Fact]
    public void Unknown_types_are_named_with_what_is_supported()
    {
        Action read = () => Read("""{"type":"UnicodeScripts"}""");
        UnsupportedModelException error = read.Should().Throw<UnsupportedModelException>().Which;
        error.Feature.Should().Contain("UnicodeScripts").And.Contain("$.pre_tokenizer").And.Contain("test.json");
        error.Supported.Should().Contain("ByteLevel");
    }

    [Fact]
    public void Byte_level_steps_cannot_be_chained_without_end()
    {
        string many = string.Join(",", Enumerable.Repeat("""{"type":"ByteLevel","use_regex":false,"add_prefix_space":false}""", 64));
        PreTokenizer chain = Read($$"""{"type":"Sequence","pretokenizers":[{{many}}]}""");
        string text = new('é', 100);
        Action run = () => chain([new Piece(text, new(0, text.Length), true)]);
        run.Should().Throw<TokenizationException>();
    }

    private static PreTokenizer Read(string json) =>
        PreTokenizerReader.Read(new JsonCursor("test.json", "$.pre_tokenizer", JsonElement.Parse(json)))!;
}
