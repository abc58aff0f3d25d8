using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit.Abstractions;
using static Exo.Sdk.Tokenization.Tests.TokenizerFixture;

namespace Exo.Sdk.Tokenization.Tests;

public class EncodingTests(ITestOutputHelper output)
{
    // 256 ab, 257 abc, 258 bc, then added tokens from 259.
    private static readonly string[] Merges = ["a b", "ab c", "b c"];

    [Fact]
    public void Merges_apply_in_their_order()
    {
        Tokenizer tokenizer = Load(ByteLevel(Merges));
        tokenizer.Encode("abc").Should().Equal(257);
        tokenizer.Encode("bcab").Should().Equal(258, 256);
        tokenizer.VocabularySize.Should().Be(259);
    }

    [Fact]
    public void Merges_may_be_pairs()
    {
        JsonObject json = ByteLevel(Merges);
        json["model"]!["merges"] = Parse("""[["a","b"],["ab","c"],["b","c"]]""");
        Load(json).Encode("abcbc").Should().Equal(257, 258);
    }

    [Fact]
    public void Merges_are_ignored_for_whole_tokens_where_the_model_says_so()
    {
        JsonObject json = ByteLevel(Merges);
        json["model"]!["merges"] = new JsonArray("a b");
        Load(json).Encode("abc").Should().Equal(256, 'c');
        json["model"]!["ignore_merges"] = true;
        Load(json).Encode("abc").Should().Equal(257);
    }

    [Fact]
    public void Special_tokens_in_text_stay_text()
    {
        Tokenizer tokenizer = Load(ByteLevel([], ("<|end|>", true), ("<think>", false)));
        tokenizer.Encode("a<|end|>").Should().HaveCount(8).And.NotContain(256);
        tokenizer.Encode("a<|end|>", parseSpecialTokens: true).Should().Equal('a', 256);
        tokenizer.Encode("<think>").Should().Equal([257], "a token that is not special is part of the vocabulary");
    }

    [Fact]
    public void Segments_are_one_text_in_which_only_control_text_has_special_tokens()
    {
        Tokenizer tokenizer = Load(ByteLevel(Merges, ("<|end|>", true)));
        int[] ids = tokenizer.Encode([new("<|end|>a", true), new("b<|end|>", false), new("<|end|>", true)], addSpecialTokens: false);
        ids.First().Should().Be(259);
        ids[1].Should().Be(256, "a merge reaches across the border of two segments");
        ids.Last().Should().Be(259);
        ids.Count(static id => id == 259).Should().Be(2);
        tokenizer.Decode(ids).Should().Be("<|end|>ab<|end|><|end|>");
    }

    [Fact]
    public void A_special_token_put_together_from_two_origins_is_none()
    {
        Tokenizer tokenizer = Load(ByteLevel([], ("<|end|>", true)));
        tokenizer.Encode([new("<|en", true), new("d|>", false)], addSpecialTokens: false).Should().NotContain(256);
        tokenizer.Encode([new("<|en", true), new("d|>", true)], addSpecialTokens: false).Should().Equal(256);
    }

    [Fact]
    public void Neither_merges_nor_whole_words_make_a_special_token_out_of_text()
    {
        JsonObject json = ByteFallback("<s>/▁", "< s", "<s >", "▁ <");
        json["normalizer"] = null;
        json["model"]!["ignore_merges"] = true;
        Load(json).Encode("<s>", addSpecialTokens: false).Should().NotContain(1);
    }

    [Fact]
    public void Roles_in_the_configuration_make_a_token_special()
    {
        Tokenizer tokenizer = Load(
            ByteLevel([], ("</s>", false)), ("tokenizer_config.json", """{"eos_token":{"content":"</s>"}}"""));
        tokenizer.EndTokens.Should().Equal(256);
        tokenizer.IsSpecial(256).Should().BeTrue();
        tokenizer.Encode("</s>").Should().NotContain(256);
    }

    [Theory]
    [InlineData("lstrip", "a <t>b", "a|<t>|b")]
    [InlineData("rstrip", "a <t> \n b", "a |<t>|b")]
    [InlineData("single_word", "a<t>b", "a<t>b")]
    [InlineData("single_word", "a <t> b", "a |<t>| b")]
    [InlineData("normalized", "<T>", "<t>")]
    public void Added_tokens_honor_their_switches(string option, string text, string expected)
    {
        JsonObject json = ByteLevel([], ("<t>", option != "normalized"));
        json["added_tokens"]![0]![option] = true;
        json["normalizer"] = Parse("""{"type":"Lowercase"}""");
        Tokenizer tokenizer = Load(json);
        int[] ids = tokenizer.Encode(text, parseSpecialTokens: true);
        string seen = string.Join("|", Runs(ids).Select(run => tokenizer.Decode(run)));
        seen.Should().Be(expected);
        ids.Contains(256).Should().Be(expected != text || option == "normalized");
    }

    [Fact]
    public void The_longest_added_token_wins()
    {
        Tokenizer tokenizer = Load(ByteLevel([], ("<a>", true), ("<a><b>", true), ("<b>", true)));
        tokenizer.Encode("<a><b><a>", parseSpecialTokens: true).Should().Equal(257, 256);
    }

    [Fact]
    public void Text_without_tokens_falls_back_to_bytes_then_to_unknown()
    {
        Tokenizer bytes = Load(ByteFallback("a▁"));
        bytes.Encode("aé").Should().Equal(1, 260, 259, 3 + 0xC3, 3 + 0xA9);
        JsonObject json = ByteFallback("a▁");
        json["model"]!["byte_fallback"] = false;
        Load(json).Encode("aéé", addSpecialTokens: false).Should().Equal(260, 259, 0);
        json["model"]!["fuse_unk"] = false;
        Load(json).Encode("aéé", addSpecialTokens: false).Should().Equal(260, 259, 0, 0);
        json["model"]!["unk_token"] = null;
        Action encode = () => Load(json).Encode("aé");
        encode.Should().Throw<TokenizationException>().WithMessage("*U+00E9*");
    }

    [Theory]
    [InlineData("""{"add_bos_token":true,"bos_token":"<b>"}""", new[] { 256, 97 })]
    [InlineData("""{"add_bos_token":false,"bos_token":"<b>"}""", new[] { 97 })]
    [InlineData("""{"bos_token":"<b>"}""", new[] { 97 })]
    [InlineData("""{"add_bos_token":true,"add_eos_token":true,"bos_token":"<b>","eos_token":{"content":"<e>"}}""", new[] { 256, 97, 257 })]
    public void The_configuration_adds_begin_and_end(string config, int[] expected)
    {
        Tokenizer tokenizer = Load(ByteLevel([], ("<b>", true), ("<e>", true)), ("tokenizer_config.json", config));
        tokenizer.Encode("a").Should().Equal(expected);
        tokenizer.Encode("a", addSpecialTokens: false).Should().Equal('a');
        tokenizer.BeginToken.Should().Be(256);
    }

    [Fact]
    public void The_configuration_can_take_the_template_s_begin_token_away()
    {
        Load(ByteFallback("a▁"), ("tokenizer_config.json", """{"add_bos_token":false,"bos_token":"<s>"}"""))
            .Encode("a").Should().Equal(260, 259);
    }

    [Fact]
    public void End_tokens_come_from_all_files_that_name_some()
    {
        Tokenizer tokenizer = Load(
            ByteLevel([], ("<e>", true), ("<f>", true)),
            ("special_tokens_map.json", """{"eos_token":"<e>"}"""),
            ("generation_config.json", """{"eos_token_id":[257,256]}"""),
            ("config.json", """{"eos_token_id":5,"bos_token_id":7}"""));
        tokenizer.EndTokens.Should().Equal(256, 257, 5);
        tokenizer.BeginToken.Should().BeNull("a tokenizer file speaks, and names none");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_long_text_without_spaces_takes_no_quadratic_time(bool byteFallback)
    {
        string[] merges = ["a a", "aa aa", "aaaa aaaa", "a b", "ab ab", "b b"];
        Tokenizer tokenizer = Load(byteFallback ? ByteFallback("ab▁", merges) : ByteLevel(merges));
        string text = string.Concat(Enumerable.Repeat("aaaaaaaab", 100_000 / 9)) + new string('a', 100_000);
        Stopwatch watch = Stopwatch.StartNew();
        int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
        output.WriteLine($"{text.Length} characters, {ids.Length} tokens, {watch.Elapsed.TotalMilliseconds:F0} ms");
        tokenizer.Decode(ids).Should().Be(text);
        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20), "quadratic time would be minutes");
    }

    [Fact]
    public void Many_threads_may_encode_at_once()
    {
        Tokenizer tokenizer = Load(ByteLevel(Merges));
        string[] texts = [.. Enumerable.Range(0, 200).Select(static i => $"abc {i} bcab {i * 7} abab")];
        int[][] expected = [.. texts.Select(t => Load(ByteLevel(Merges)).Encode(t)).Take(20)];
        Parallel.For(0, 2000, i =>
        {
            int[] ids = tokenizer.Encode(texts[i % 200]);
            if (i % 200 < 20)
            {
                ids.Should().Equal(expected[i % 200]);
            }
        });
    }

    private static IEnumerable<int[]> Runs(int[] ids)
    {
        List<int> run = [];
        foreach (int id in ids)
        {
            if (id == 256)
            {
                if (run.Count > 0)
                {
                    yield return [.. run];
                }

                yield return [id];
                run.Clear();
            }
            else
            {
                run.Add(id);
            }
        }

        if (run.Count > 0)
        {
            yield return [.. run];
        }
    }
}
