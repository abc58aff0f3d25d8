using Exo.Sdk.Generation;
using Exo.Sdk.Models;
using Exo.Sdk.Tokenization;

namespace Exo.Sdk.Tests.Generation;

/// <summary>Prompts of every kind, with a tokenizer that is not the model's.</summary>
public sealed class PromptEncoderTests
{
    private static readonly ModelSpec Model = ReadSpec();
    private static readonly ChatTemplate Template = ChatTemplate.Parse("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");

    private static readonly Prompt[] Texts =
    [
        Prompt.User("hello"), Prompt.Chat(new ChatMessage("user", "hello")), Prompt.Raw("hello"),
    ];

    [Fact]
    public void A_token_outside_the_vocabulary_is_refused_whatever_it_came_from()
    {
        foreach (int id in (int[])[Model.VocabularySize, int.MaxValue, -1])
        {
            foreach (Prompt prompt in (Prompt[])[.. Texts, Prompt.Tokens(1, id)])
            {
                PromptEncoder encoder = new(new StubTokenizer(_ => [1, id]), Template, Model);
                encoder.Invoking(e => e.Encode(prompt)).Should().Throw<ConfigurationException>().WithMessage($"*Token {id}*place 1*vocabulary of {Model.VocabularySize}*");
            }
        }
    }

    [Fact]
    public void A_begin_token_outside_the_vocabulary_is_refused()
    {
        PromptEncoder encoder = new(new StubTokenizer(_ => [1]) { Begin = Model.VocabularySize }, template: null, Model);
        encoder.Invoking(e => e.Encode("hello")).Should().Throw<ConfigurationException>().WithMessage("*place 0*");
    }

    [Fact]
    public void A_tokenizer_that_fails_is_a_typed_error()
    {
        InvalidOperationException mistake = new("a mistake");
        PromptEncoder encoder = new(new StubTokenizer(_ => throw mistake), Template, Model);
        foreach (Prompt prompt in Texts)
        {
            encoder.Invoking(e => e.Encode(prompt)).Should().Throw<GenerationException>().Which.InnerException.Should().BeSameAs(mistake);
        }
    }

    [Fact]
    public void A_conversation_without_messages_or_with_half_a_message_is_refused()
    {
        PromptEncoder encoder = new(new StubTokenizer(_ => [1]), Template, Model);
        encoder.Invoking(e => e.Encode(Prompt.Chat())).Should().Throw<ConfigurationException>().WithMessage("*no messages*");
        foreach (ChatMessage? message in (ChatMessage?[])[null, new ChatMessage(null!, "x"), new ChatMessage("user", null!)])
        {
            encoder.Invoking(e => e.Encode(Prompt.Chat(new ChatMessage("user", "a"), message!)))
                .Should().Throw<ConfigurationException>().WithMessage("*Message 1*");
        }
    }

    private static ModelSpec ReadSpec()
    {
        using WeightSource weights = SafetensorsWeightSource.Open(TinyModel.Path);
        return ModelSpecReader.Read(TinyModel.Path, weights);
    }

    private sealed class StubTokenizer(Func<string, int[]> encode) : Tokenizer
    {
        public int? Begin { get; init; }

        public override int VocabularySize => 10;

        public override int? BeginToken => Begin;

        public override IReadOnlyList<int> EndTokens => [];

        public override int[] Encode(IReadOnlyList<TextSegment> segments, bool addSpecialTokens) => encode(string.Concat(segments.Select(segment => segment.Text)));

        public override TokenDecoder CreateDecoder(bool skipSpecial = false, ReadOnlySpan<int> prompt = default) => throw new NotSupportedException();

        public override int? FindToken(string content) => null;

        public override bool IsSpecial(int id) => false;
    }
}
