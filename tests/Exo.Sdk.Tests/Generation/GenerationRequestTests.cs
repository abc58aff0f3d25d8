using CsCheck;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Generation;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tests.Scheduling;
using Exo.Sdk.Tokenization;
using Exo.Sdk.Tokenization.Tests;
using Microsoft.Extensions.Time.Testing;

namespace Exo.Sdk.Tests.Generation;

/// <summary>From logits to streamed text, with the tokens of the model laid down by the test.</summary>
public sealed class GenerationRequestTests
{
    /// <summary>256 single bytes, some longer tokens, and two special ones.</summary>
    private static readonly Tokenizer Bytes = TokenizerFixture.Load(
        TokenizerFixture.ByteLevel(["t h", "th e", "Ġ t", "Ã ©", "ð Ł"], ("<|end|>", true), ("<|start|>", true)));

    private static readonly int Vocabulary = Bytes.VocabularySize;
    private static readonly int End = Bytes.FindToken("<|end|>")!.Value;
    private static readonly int Start = Bytes.FindToken("<|start|>")!.Value;
    private static readonly GenerationOptions Greedy = GenerationOptions.Greedy;

    private static int[] Ids(string text) => Bytes.Encode(text, addSpecialTokens: false);

    private static GenerationRequest Request(GenerationOptions options, int[]? prompt = null, int context = 1000, TimeProvider? time = null) =>
        new(prompt ?? [Start], options, new GenerationTerms(Bytes, Vocabulary, context, [End], time ?? TimeProvider.System, new ClusterMeter(factory: null)));

    /// <summary>Lets the model say these tokens until the request has enough.</summary>
    private static List<GeneratedToken> Say(GenerationRequest request, params int[] ids)
    {
        request.OnAdmitted();
        float[] logits = new float[Vocabulary];
        foreach (int id in ids)
        {
            Array.Clear(logits);
            logits[id] = 1;
            int? next = request.OnLogits(logits);
            if (next is null)
            {
                break;
            }

            next.Should().Be(id);
        }

        List<GeneratedToken> tokens = [];
        while (request.Stream.TryRead(out GeneratedToken token))
        {
            tokens.Add(token);
        }

        return tokens;
    }

    private static string Text(IEnumerable<GeneratedToken> tokens) => string.Concat(tokens.Select(token => token.Text));

    [Fact]
    public void The_pieces_join_to_the_decoded_tokens_whatever_the_tokens() =>
        Gen.Int[0, Vocabulary - 3].Array[1, 60].Sample(ids =>
        {
            List<GeneratedToken> tokens = Say(Request(Greedy with { MaxTokens = ids.Length }), ids);
            tokens.Select(token => token.Id).Should().Equal(ids);
            Text(tokens).Should().Be(Bytes.Decode(ids, skipSpecial: true));
            tokens[^1].FinishReason.Should().Be(FinishReason.Length);
            tokens[..^1].Should().NotContain(token => token.FinishReason != null || token.Usage != null);
        });

    [Fact]
    public void A_stop_string_anywhere_cuts_the_text_before_it() =>
        Gen.Select(Gen.OneOf("the ", "é", "😀", "x", "th", "\n").Array[1, 20], Gen.Int[0, 1000], Gen.Int[1, 4], Gen.Bool).Sample((words, at, length, other) =>
        {
            string whole = string.Concat(words);
            int start = at % whole.Length;
            string stop = whole.Substring(start, Math.Min(length, whole.Length - start));
            GenerationOptions options = Greedy with { StopStrings = other ? [stop, "never"] : [stop] };
            List<GeneratedToken> tokens = Say(Request(options), [.. Ids(whole), End]);

            Text(tokens).Should().Be(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
            tokens[^1].FinishReason.Should().Be(FinishReason.Stop);
        });

    [Fact]
    public void Half_a_character_at_the_end_is_not_lost()
    {
        int[] ids = [.. Ids("a"), .. Ids("😀")[..^1]];
        List<GeneratedToken> tokens = Say(Request(Greedy with { MaxTokens = ids.Length }), ids);
        tokens[..^1].Should().NotContain(token => token.Text.Contains('\uFFFD', StringComparison.Ordinal));
        Text(tokens).Should().Be("a\uFFFD");
    }

    [Fact]
    public void Text_held_back_for_a_stop_string_that_does_not_come_is_given_at_the_end()
    {
        GenerationOptions options = Greedy with { StopStrings = ["the end"] };
        List<GeneratedToken> tokens = Say(Request(options), [.. Ids("so the e"), End]);
        Text(tokens).Should().Be("so the e");
        tokens[^1].FinishReason.Should().Be(FinishReason.Stop);
    }

    [Fact]
    public void An_end_token_ends_the_text_without_a_trace()
    {
        List<GeneratedToken> tokens = Say(Request(Greedy), [.. Ids("hi"), End, .. Ids("more")]);
        Text(tokens).Should().Be("hi");
        tokens[^1].Id.Should().Be(End);
        tokens[^1].FinishReason.Should().Be(FinishReason.Stop);
        tokens[^1].Usage!.Value.GeneratedTokens.Should().Be(tokens.Count, "the end token was generated");
    }

    [Fact]
    public void An_ignored_end_token_gives_no_text_and_the_model_goes_on()
    {
        int[] ids = [.. Ids("hi"), End, .. Ids("you")];
        List<GeneratedToken> tokens = Say(Request(Greedy with { IgnoreEndTokens = true, MaxTokens = ids.Length }), ids);
        Text(tokens).Should().Be("hiyou");
        tokens.Should().HaveCount(ids.Length);
    }

    [Theory]
    [InlineData(3, 100, 3)]
    [InlineData(100, 12, 4)]
    [InlineData(100, 9, 1)]
    public void The_text_ends_at_the_token_limit_or_with_the_context(int maxTokens, int context, int expected)
    {
        int[] prompt = [.. Enumerable.Repeat(Start, 8)];
        List<GeneratedToken> tokens = Say(Request(Greedy with { MaxTokens = maxTokens }, prompt, context), Ids("abcdefghijklmnop"));
        tokens.Should().HaveCount(expected);
        tokens[^1].FinishReason.Should().Be(FinishReason.Length);
    }

    [Fact]
    public void Usage_counts_tokens_and_time_from_admission_to_first_and_last_token()
    {
        FakeTimeProvider time = new();
        GenerationRequest request = Request(Greedy with { MaxTokens = 3 }, [Start, Start], time: time);
        time.Advance(TimeSpan.FromSeconds(100));
        request.OnAdmitted();
        float[] logits = new float[Vocabulary];
        foreach (int seconds in (int[])[4, 1, 1])
        {
            time.Advance(TimeSpan.FromSeconds(seconds));
            request.OnLogits(logits);
        }

        GeneratedToken last = default;
        while (request.Stream.TryRead(out GeneratedToken token))
        {
            last = token;
        }

        last.Usage.Should().Be(new GenerationUsage(2, 3, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(2)));
        last.Usage!.Value.PrefillTokensPerSecond.Should().Be(0.5);
        last.Usage!.Value.DecodeTokensPerSecond.Should().Be(1);
    }

    [Fact]
    public void The_repetition_penalty_counts_the_prompt()
    {
        int[] prompt = Ids("a");
        GenerationRequest request = Request(Greedy with { RepetitionPenalty = 4 }, prompt);
        request.OnAdmitted();
        float[] logits = new float[Vocabulary];
        logits[prompt[0]] = 2;
        logits[Ids("b")[0]] = 1;
        request.OnLogits(logits).Should().Be(Ids("b")[0]);
    }

    [Fact]
    public async Task A_failure_comes_after_the_tokens_that_were_there()
    {
        GenerationRequest request = Request(Greedy);
        float[] logits = new float[Vocabulary];
        request.OnAdmitted();
        request.OnLogits(logits);
        PeerLostException error = new(1, "it is gone");
        request.Fail(error);
        request.Fail(new BackendException("a second end changes nothing"));
        request.Stream.TryRead(out _).Should().BeTrue();
        (await FluentActions.Awaiting(() => request.Stream.WaitToReadAsync().AsTask()).Should().ThrowAsync<PeerLostException>())
            .Which.Should().BeSameAs(error);
    }

    [Fact]
    public async Task Texts_beside_each_other_are_what_each_is_alone()
    {
        EngineLimits limits = new(ContextLength: 128, MaxSequences: 3, MaxBatchTokens: 8, Vocabulary);
        using LoneGroup group = new();
        using Engine engine = new(new ScriptedShard(limits), group, limits, _ => { }, new ClusterMeter(factory: null));
        int[][] prompts = [.. Enumerable.Range(0, 12).Select(i => Ids($"the {i}"))];
        GenerationRequest[] requests = [.. prompts.Select(prompt => Request(Greedy with { MaxTokens = 60, IgnoreEndTokens = true }, prompt, limits.ContextLength))];
        foreach (GenerationRequest request in requests)
        {
            engine.Submit(request);
        }

        for (int i = 0; i < prompts.Length; i++)
        {
            List<GeneratedToken> tokens = [];
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
            await foreach (GeneratedToken token in requests[i].Stream.ReadAllAsync(limit.Token))
            {
                tokens.Add(token);
            }

            int[] alone = ScriptedShard.Continue(prompts[i], 60, Vocabulary);
            tokens.Select(token => token.Id).Should().Equal(alone);
            Text(tokens).Should().Be(Bytes.Decode(alone, skipSpecial: true));
        }
    }
}
