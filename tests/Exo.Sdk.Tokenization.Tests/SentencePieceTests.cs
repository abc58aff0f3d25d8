using System.Buffers.Binary;
using Exo.Sdk.Tests.Shared;
using Exo.Sdk.Tokenization.SentencePiece;
using static Exo.Sdk.Tokenization.Tests.TokenizerFixture;

namespace Exo.Sdk.Tokenization.Tests;

public class SentencePieceTests
{
    [Fact]
    public void The_piece_of_highest_score_is_merged_first()
    {
        Tokenizer tokenizer = Load(Model(("a", -10), ("b", -11), ("c", -12), ("▁", -13), ("ab", -2), ("bc", -1), ("abc", -3)));
        Text(tokenizer, "abc").Should().Be("▁|abc");
        Text(tokenizer, "aab").Should().Be("▁|a|ab");
    }

    [Fact]
    public void A_union_counts_even_where_one_side_has_no_piece()
    {
        Tokenizer tokenizer = Load(Model(("a", -10), ("▁", -13), ("ax", -2)));
        Text(tokenizer, "ax").Should().Be("▁|ax");
    }

    [Theory]
    [InlineData("a  b ", true, "▁|a|▁|b")]
    [InlineData("a  b ", false, "▁|a|▁|▁|b|▁")]
    [InlineData("  ", true, "")]
    public void White_space_is_removed_where_the_model_says_so(string text, bool remove, string expected)
    {
        Tokenizer tokenizer = Load(Model(remove, [("a", -10), ("b", -11), ("▁", -13)]));
        Text(tokenizer, text).Should().Be(expected);
    }

    [Fact]
    public void Unknown_text_is_bytes_or_one_unknown_piece()
    {
        Tokenizer bytes = Load(Model(("a", -10), ("▁", -13)));
        bytes.Encode("é", addSpecialTokens: false).Should().Equal(260, 3 + 0xC3, 3 + 0xA9);
        Proto proto = new();
        proto.Piece("<unk>", 0, 2).Piece("a", -1, 1).Piece("▁", -2, 1);
        proto.Message(2, new Proto().Number(3, 2).Number(40, 0));
        Load(("tokenizer.model", proto.Bytes)).Encode("éüa", addSpecialTokens: false).Should().Equal(2, 0, 1);
    }

    [Fact]
    public void User_defined_pieces_are_never_merged_further()
    {
        Proto proto = Pieces([("a", -10), ("b", -11), ("▁", -13), ("abb", -1)]);
        proto.Piece("ab", 0, 4);
        Tokenizer tokenizer = Load(("tokenizer.model", proto.With(Trainer(), true).Bytes));
        Text(tokenizer, "abb").Should().Be("▁|ab|b");
    }

    [Fact]
    public void Unused_pieces_are_taken_apart_again()
    {
        Proto proto = Pieces([("a", -10), ("b", -11), ("▁", -13)]);
        proto.Piece("ab", -1, 5).Piece("aba", -2, 1);
        Tokenizer tokenizer = Load(("tokenizer.model", proto.With(Trainer(), true).Bytes));
        Text(tokenizer, "ab").Should().Be("▁|a|b");
        Text(tokenizer, "aba").Should().Be("▁|aba");
    }

    [Fact]
    public void Control_pieces_are_recognized_in_control_text_only()
    {
        Tokenizer tokenizer = Load(Model(("a", -10), ("▁", -13), ("<s", -1), ("<s>a", -1)));
        tokenizer.BeginToken.Should().Be(1);
        tokenizer.EndTokens.Should().Equal(2);
        tokenizer.Encode("a<s>a").Count(static id => id == 1).Should().Be(1, "the one that is added");
        tokenizer.Encode("a<s>", parseSpecialTokens: true).Should().Equal(1, 260, 259, 1);
    }

    [Theory]
    [InlineData("true", new[] { 1, 260, 259, 2, 260, 259 })]
    [InlineData("false", new[] { 1, 260, 259, 2, 259 })]
    public void The_prefix_of_later_parts_follows_the_legacy_switch(string legacy, int[] expected)
    {
        byte[] model = Pieces([("a", -10), ("▁", -13)]).With(Trainer(), false).Bytes;
        Tokenizer tokenizer = Load(("tokenizer.model", model), ("tokenizer_config.json", Bytes($$"""{"legacy":{{legacy}}}""")));
        tokenizer.Encode("a</s>a", parseSpecialTokens: true).Should().Equal(expected);
    }

    [Fact]
    public void Added_tokens_of_the_configuration_count()
    {
        byte[] model = Pieces([("a", -10), ("▁", -13)]).With(Trainer(), false).Bytes;
        Tokenizer tokenizer = Load(
            ("tokenizer.model", model),
            ("tokenizer_config.json", Bytes("""{"add_bos_token":false,"eos_token":"<|im_end|>","added_tokens_decoder":{"261":{"content":"<|im_end|>","special":true}}}""")));
        tokenizer.VocabularySize.Should().Be(262);
        tokenizer.EndTokens.Should().Equal(261);
        tokenizer.Encode("a<|im_end|>", parseSpecialTokens: true).Should().Equal(260, 259, 261);
    }

    [SharedModelFact("stories260k")]
    public void Both_files_of_a_real_model_agree()
    {
        string folder = SharedModels.Folder("stories260k");
        Tokenizer json = Tokenizer.Load(folder);
        Tokenizer model = Load(
            ("tokenizer.model", File.ReadAllBytes(Path.Combine(folder, "tokenizer.model"))),
            ("tokenizer_config.json", File.ReadAllBytes(Path.Combine(folder, "tokenizer_config.json"))));
        string story = File.ReadAllText(Path.Combine(folder, "expected.txt"));
        model.VocabularySize.Should().Be(json.VocabularySize).And.Be(512);
        model.BeginToken.Should().Be(json.BeginToken).And.Be(1);
        model.EndTokens.Should().Equal(json.EndTokens).And.Equal(2);
        foreach (string text in (string[])[story, "Lily's 2 cats — 😀 \t naïve\n\n", "  two  spaces", "<s> typed </s>", ""])
        {
            int[] ids = model.Encode(text);
            ids.Should().Equal(text.Length == 0 ? [1] : json.Encode(text));
            model.Decode(ids, skipSpecial: true).Should().Be(text);
            json.Decode(ids, skipSpecial: true).Should().Be(text);
        }
    }

    private static string Text(Tokenizer tokenizer, string text) =>
        string.Join("|", tokenizer.Encode(text, addSpecialTokens: false).Select(id => TokenText(tokenizer, id)));

    private static string TokenText(Tokenizer tokenizer, int id) => ((Pipeline.PipelineTokenizer)tokenizer).Content(id)!;

    private static (string, byte[]) Model(params (string Text, float Score)[] pieces) => Model(false, pieces);

    private static (string, byte[]) Model(bool removeExtra, (string Text, float Score)[] pieces) =>
        ("tokenizer.model", Pieces(pieces).With(Trainer(), removeExtra).Bytes);

    private static Proto Pieces((string Text, float Score)[] pieces)
    {
        Proto proto = new();
        proto.Piece("<unk>", 0, 2).Piece("<s>", 0, 3).Piece("</s>", 0, 3);
        for (int b = 0; b < 256; b++)
        {
            proto.Piece($"<0x{b:X2}>", 0, 6);
        }

        foreach ((string text, float score) in pieces)
        {
            proto.Piece(text, score, 1);
        }

        return proto;
    }

    private static Proto Trainer() => new Proto().Number(3, 2).Number(35, 1).Number(40, 0).Number(41, 1).Number(42, 2);
}

/// <summary>Writes protocol-buffer fields.</summary>
internal sealed class Proto
{
    private readonly List<byte> _bytes = [];

    public byte[] Bytes => [.. _bytes];

    public Proto Piece(string text, float score, int kind)
    {
        Proto piece = new Proto().Data(1, TokenizerFixture.Bytes(text));
        piece.Varint((2 << 3) | 5);
        byte[] bits = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bits, score);
        piece._bytes.AddRange(bits);
        return Message(1, kind == (int)PieceKind.Normal ? piece : piece.Number(3, kind));
    }

    public Proto With(Proto trainer, bool removeExtraWhitespaces) =>
        Message(2, trainer).Message(3, new Proto().Number(3, 1).Number(4, removeExtraWhitespaces ? 1 : 0).Number(5, 1));

    public Proto Message(int field, Proto message) => Data(field, message.Bytes);

    public Proto Data(int field, byte[] data)
    {
        Varint((ulong)((field << 3) | 2));
        Varint((ulong)data.Length);
        _bytes.AddRange(data);
        return this;
    }

    public Proto Number(int field, long value)
    {
        Varint((ulong)(field << 3));
        Varint((ulong)value);
        return this;
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes.Add((byte)(value | 0x80));
        }

        _bytes.Add((byte)value);
    }
}
