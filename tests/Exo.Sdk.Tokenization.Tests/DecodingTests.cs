using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using static Exo.Sdk.Tokenization.Tests.TokenizerFixture;

namespace Exo.Sdk.Tokenization.Tests;

public class DecodingTests
{
    private static readonly Gen<string> AnyText = Gen.Frequency(
        (4, Gen.Int[0x20, 0x7E]),
        (2, Gen.Int[0, 9].Select(static i => (int)"\n\t \u00A0\u2028\u3000\u200D\uFEFF\0\u0301"[i])),
        (2, Gen.Int[0x80, 0xD7FF]),
        (1, Gen.Int[0xE000, 0xFFFF]),
        (2, Gen.Int[0x10000, 0x10FFFF]))
        .Where(static c => c != '▁').List[0, 40].Select(static cs => string.Concat(cs.Select(static c => new Rune(c).ToString())));

    private static readonly string[] ByteMerges = ["Ġ t", "Ã ©", "ð Ł", "ðŁ ĺ", "t h", "th e", "Ġ Ġ"];

    [Fact]
    public void Byte_level_text_comes_back_whole()
    {
        Tokenizer tokenizer = Load(ByteLevel(ByteMerges, ("<|end|>", true)));
        AnyText.Sample(text => tokenizer.Decode(tokenizer.Encode(text)) == text);
    }

    [Fact]
    public void Byte_fallback_text_comes_back_whole()
    {
        Tokenizer tokenizer = Load(ByteFallback("abcdefghijklmnopqrstuvwxyz▁é世", "▁ t", "▁t h", "▁th e", "▁ ▁"));
        AnyText.Sample(text => tokenizer.Decode(tokenizer.Encode(text), skipSpecial: true) == text);
    }

    [Fact]
    public void Text_comes_in_whole_characters_and_all_of_it_comes()
    {
        Tokenizer[] tokenizers = [Load(ByteLevel(ByteMerges)), Load(ByteFallback("abc▁é"))];
        Gen.Select(AnyText, Gen.Bool).Sample((text, byteLevel) =>
        {
            Tokenizer tokenizer = tokenizers[byteLevel ? 0 : 1];
            TokenDecoder decoder = tokenizer.CreateDecoder(skipSpecial: true);
            StringBuilder all = new();
            foreach (int id in tokenizer.Encode(text))
            {
                string part = decoder.Append(id);
                part.EnumerateRunes().Should().NotContain(r => r == Rune.ReplacementChar && !text.Contains('\uFFFD', StringComparison.Ordinal));
                all.Append(part);
            }

            return all.Append(decoder.Flush()).ToString() == text;
        });
    }

    [Fact]
    public void An_emoji_appears_with_its_last_byte()
    {
        Tokenizer tokenizer = Load(ByteFallback("a▁"));
        TokenDecoder decoder = tokenizer.CreateDecoder();
        decoder.Append(3 + 0xF0).Should().BeEmpty();
        decoder.Append(3 + 0x9F).Should().BeEmpty();
        decoder.Append(3 + 0x98).Should().BeEmpty();
        decoder.Append(3 + 0x80).Should().Be("😀");
        decoder.Flush().Should().BeEmpty();
    }

    [Fact]
    public void A_character_cut_short_is_replaced_and_what_follows_is_kept()
    {
        Tokenizer tokenizer = Load(ByteFallback("a▁"));
        TokenDecoder decoder = tokenizer.CreateDecoder();
        decoder.Append(3 + 0xF0).Should().BeEmpty();
        decoder.Append(259).Should().Be("\uFFFDa");
        decoder.Append(3 + 0xC3).Should().BeEmpty();
        decoder.Flush().Should().Be("\uFFFD");
        decoder.Append(3 + 0xA9).Should().Be("\uFFFD", "the decoder is as new after a flush");
    }

    [Fact]
    public void The_first_piece_after_the_begin_token_loses_its_space()
    {
        Tokenizer tokenizer = Load(ByteFallback("ab▁", "▁ a"), ("tokenizer_config.json", """{"bos_token":"<s>"}"""));
        const int Begin = 1, SpaceA = 262, B = 260;
        tokenizer.Decode([Begin, SpaceA, SpaceA], skipSpecial: true).Should().Be("a a");
        tokenizer.Decode([SpaceA, SpaceA]).Should().Be("a a");
        tokenizer.Decode([Begin, SpaceA]).Should().Be("<s> a", "the begin token is text here");
        tokenizer.CreateDecoder(skipSpecial: true).Append(Begin).Should().BeEmpty();
        tokenizer.CreateDecoder(prompt: [Begin]).Append(SpaceA).Should().Be("a");
        tokenizer.CreateDecoder(prompt: [Begin, SpaceA, B]).Append(SpaceA).Should().Be(" a", "it continues a text");
    }

    [Fact]
    public void A_stripped_end_is_held_back_until_it_is_one()
    {
        JsonObject json = ByteFallback("ab▁");
        json["decoder"] = Parse("""
            {"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"Fuse"},{"type":"Strip","content":" ","start":0,"stop":1}]}
            """);
        TokenDecoder decoder = Load(json).CreateDecoder();
        decoder.Append(259).Should().Be("a");
        decoder.Append(261).Should().BeEmpty();
        decoder.Append(261).Should().Be(" ");
        decoder.Append(260).Should().Be(" b");
        decoder.Append(261).Should().BeEmpty();
        decoder.Flush().Should().BeEmpty();
    }

    [Fact]
    public void Metaspace_drops_the_prefix_of_the_first_token()
    {
        JsonObject json = ByteFallback("ab▁");
        json["decoder"] = Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""");
        Load(json).Decode([261, 259, 261, 260]).Should().Be("a b");
        json["decoder"] = Parse("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""");
        Load(json).Decode([261, 259, 261, 260]).Should().Be(" a b");
    }

    [Fact]
    public void Special_tokens_give_text_only_where_asked()
    {
        Tokenizer tokenizer = Load(ByteLevel([], ("<|end|>", true)));
        tokenizer.Decode(['a', 256]).Should().Be("a<|end|>");
        tokenizer.Decode(['a', 256], skipSpecial: true).Should().Be("a");
    }

    [Fact]
    public void Ids_without_a_token_give_no_text_and_negative_ones_are_refused()
    {
        Tokenizer tokenizer = Load(ByteLevel([]));
        tokenizer.Decode(['a', 100_000]).Should().Be("a");
        Action decode = () => tokenizer.Decode([-1]);
        decode.Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Lone_surrogates_become_replacement_characters()
    {
        Tokenizer tokenizer = Load(ByteLevel([]));
        tokenizer.Decode(tokenizer.Encode("a\uD83Db\uDE00")).Should().Be("a\uFFFDb\uFFFD");
        tokenizer.Decode(tokenizer.Encode([new("\uD83D", false), new("\uDE00", true)], addSpecialTokens: false)).Should().Be("😀");
    }
}
