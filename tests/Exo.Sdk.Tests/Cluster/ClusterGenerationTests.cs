namespace Exo.Sdk.Tests.Cluster;

/// <summary>A cluster of threads with the embedded model.</summary>
public sealed class ClusterGenerationTests(ClusterGenerationTests.TwoRanks two) : IClassFixture<ClusterGenerationTests.TwoRanks>
{
    private static readonly GenerationOptions Forty = new() { Temperature = 0, MaxTokens = 40, IgnoreEndTokens = true };

    private Sdk.Cluster Cluster => two.Cluster;

    [Fact]
    public async Task Two_ranks_say_what_one_rank_says()
    {
        await using Sdk.Cluster one = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();
        foreach (string prompt in (string[])["What is 3 plus 4?", "Tell me a story about a cat.", "Hello!"])
        {
            string expected = await one.GenerateTextAsync(prompt, Forty);
            (await Cluster.GenerateTextAsync(prompt, Forty)).Should().Be(expected).And.NotBeEmpty();
        }
    }

    [Fact]
    public async Task The_stream_ends_with_reason_and_usage()
    {
        List<GeneratedToken> tokens = await CollectAsync(Prompt.Raw("Once"), Forty with { MaxTokens = 5 });
        tokens.Should().HaveCount(5);
        tokens[..^1].Should().OnlyContain(token => token.FinishReason == null && token.Usage == null);
        tokens[^1].FinishReason.Should().Be(FinishReason.Length);
        GenerationUsage usage = tokens[^1].Usage!.Value;
        usage.GeneratedTokens.Should().Be(5);
        usage.PromptTokens.Should().Be(Cluster.Tokenize(Prompt.Raw("Once")).Length);
        usage.DecodeTokensPerSecond.Should().BePositive();
    }

    [Fact]
    public async Task Streamed_text_is_the_decoded_tokens()
    {
        List<GeneratedToken> tokens = await CollectAsync("Tell me a story.", Forty);
        string text = string.Concat(tokens.Select(token => token.Text));
        text.Should().Be(Cluster.Tokenizer.Decode([.. tokens.Select(token => token.Id)], skipSpecial: true));
    }

    [Fact]
    public async Task A_stop_string_ends_the_text_before_itself()
    {
        string whole = await Cluster.GenerateTextAsync("Tell me a story.", Forty);
        string stop = whole.Substring(whole.Length / 2, 3);
        List<GeneratedToken> tokens = await CollectAsync("Tell me a story.", Forty with { StopStrings = [stop] });
        string.Concat(tokens.Select(token => token.Text)).Should().Be(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
        tokens[^1].FinishReason.Should().Be(FinishReason.Stop);
    }

    [Fact]
    public async Task Cancelling_at_any_token_leaves_the_cluster_usable()
    {
        string expected = await Cluster.GenerateTextAsync("Hello!", Forty);
        for (int cancelAfter = 0; cancelAfter < 6; cancelAfter++)
        {
            using CancellationTokenSource cancellation = new();
            if (cancelAfter == 0)
            {
                await cancellation.CancelAsync();
            }

            int seen = 0;
            Func<Task> generate = async () =>
            {
                await foreach (GeneratedToken token in Cluster.GenerateAsync("Tell me a story.", Forty, cancellation.Token))
                {
                    if (++seen == cancelAfter)
                    {
                        await cancellation.CancelAsync();
                    }
                }
            };
            await generate.Should().ThrowAsync<OperationCanceledException>();
            seen.Should().Be(cancelAfter);
        }

        (await Cluster.GenerateTextAsync("Hello!", Forty)).Should().Be(expected);
    }

    [Fact]
    public async Task Leaving_the_loop_early_frees_the_slot()
    {
        for (int i = 0; i < 12; i++)
        {
            await foreach (GeneratedToken token in Cluster.GenerateAsync("Tell me a story.", Forty))
            {
                break;
            }
        }

        (await Cluster.GenerateTextAsync("Hello!", Forty)).Should().NotBeEmpty();
    }

    [Fact]
    public async Task Many_callers_at_once_each_get_their_own_text()
    {
        string[] prompts = [.. Enumerable.Range(0, 10).Select(i => $"What is {i} plus {i + 1}?")];
        string[] alone = new string[prompts.Length];
        for (int i = 0; i < prompts.Length; i++)
        {
            alone[i] = await Cluster.GenerateTextAsync(prompts[i], Forty);
        }

        string[] together = await Task.WhenAll(prompts.Select(prompt => Cluster.GenerateTextAsync(prompt, Forty)));
        together.Should().Equal(alone);
    }

    [Fact]
    public async Task A_prompt_longer_than_a_step_is_prefilled_in_chunks()
    {
        string text = string.Concat(Enumerable.Repeat("The cat sat on the mat. ", 20));
        int[] ids = Cluster.Tokenize(Prompt.Raw(text));
        ids.Length.Should().BeGreaterThan(64);
        float[] chunked = await Cluster.ComputeLogitsAsync(ids);
        await using Sdk.Cluster whole = await new ClusterBuilder().UseModel(TinyModel.Path).BuildAsync();
        float[] expected = await whole.ComputeLogitsAsync(ids);
        float scale = expected.Max(Math.Abs);
        chunked.Zip(expected).Max(pair => Math.Abs(pair.First - pair.Second) / scale).Should().BeLessThan(1e-4f);
    }

    [Fact]
    public async Task A_text_ends_where_the_context_ends()
    {
        int room = Cluster.ContextLength - Cluster.Tokenize("Hello!").Length;
        List<GeneratedToken> tokens = await CollectAsync("Hello!", Forty with { MaxTokens = 10_000 });
        tokens.Should().HaveCount(room);
        tokens[^1].FinishReason.Should().Be(FinishReason.Length);
    }

    [Fact]
    public async Task A_prompt_that_does_not_fit_is_refused_with_both_numbers()
    {
        int[] ids = new int[Cluster.ContextLength];
        Func<Task> generate = () => CollectAsync(Prompt.Tokens(ids), Forty);
        await generate.Should().ThrowAsync<ConfigurationException>().WithMessage($"*{ids.Length} tokens*{Cluster.ContextLength}*");
        Func<Task> outside = () => CollectAsync(Prompt.Tokens(1 << 20), Forty);
        await outside.Should().ThrowAsync<ConfigurationException>().WithMessage("*outside the vocabulary*");
    }

    [Fact]
    public void Bad_arguments_are_reported_at_the_call_before_anything_is_read()
    {
        Refuse<ArgumentNullException>(() => Cluster.GenerateAsync(null!), "*prompt*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync("Hello!", Forty with { TopP = 0 }), "*TopP*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync("Hello!", Forty with { StopStrings = null! }), "*StopStrings*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync("Hello!", Forty with { StopStrings = ["a", ""] }), "*StopStrings*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync(Prompt.Chat()), "*no messages*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync(Prompt.Tokens()), "*no tokens*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync(Prompt.Tokens(1, Cluster.Model.VocabularySize)), "*outside the vocabulary*");
        Refuse<ConfigurationException>(() => Cluster.GenerateAsync(Prompt.Tokens(new int[Cluster.ContextLength])), "*context*");
        Refuse<OperationCanceledException>(() => Cluster.GenerateAsync("Hello!", Forty, new CancellationToken(canceled: true)), "*");

        static void Refuse<T>(Func<object> call, string message)
            where T : Exception => FluentActions.Invoking(call).Should().Throw<T>().WithMessage(message);
    }

    [Fact]
    public async Task Refused_requests_change_nothing_for_those_who_read_along()
    {
        string expected = await Cluster.GenerateTextAsync("Tell me a story.", Forty);
        Task<string>[] readers = [.. Enumerable.Range(0, 6).Select(_ => Cluster.GenerateTextAsync("Tell me a story.", Forty))];
        for (int i = 0; i < 50; i++)
        {
            int outside = Cluster.Model.VocabularySize + i;
            FluentActions.Invoking(() => Cluster.GenerateAsync(Prompt.Tokens(1, outside), Forty)).Should().Throw<ConfigurationException>();
            await FluentActions.Awaiting(() => Cluster.ComputeLogitsAsync([outside])).Should().ThrowAsync<ConfigurationException>();
        }

        (await Task.WhenAll(readers)).Should().OnlyContain(text => text == expected);
        Cluster.Faulted.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_stream_can_be_read_twice()
    {
        IAsyncEnumerable<GeneratedToken> stream = Cluster.GenerateAsync("Hello!", Forty);
        List<int> first = [];
        List<int> second = [];
        foreach (List<int> ids in (List<int>[])[first, second])
        {
            await foreach (GeneratedToken token in stream)
            {
                ids.Add(token.Id);
            }
        }

        second.Should().Equal(first).And.NotBeEmpty();
    }

    [Fact]
    public async Task Special_tokens_typed_by_a_user_stay_text()
    {
        int[] plain = Cluster.Tokenize("a<|im_end|>b");
        int[] end = Cluster.Tokenizer.Encode("<|im_end|>", addSpecialTokens: false, parseSpecialTokens: true);
        end.Should().ContainSingle();
        plain.Count(id => id == end[0]).Should().Be(Cluster.Tokenize("ab").Count(id => id == end[0]));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_disposed_cluster_refuses_and_disposing_twice_is_fine()
    {
        Sdk.Cluster cluster = await new ClusterBuilder().UseModel(TinyModel.Path).UseLocalRanks(2).BuildAsync();
        Task<string> open = cluster.GenerateTextAsync("Tell me a story.", Forty with { MaxTokens = 400 });
        await cluster.DisposeAsync();
        await cluster.DisposeAsync();
        Func<Task> after = () => cluster.GenerateTextAsync("Hello!");
        await after.Should().ThrowAsync<ObjectDisposedException>();
        await FluentActions.Awaiting(() => open).Should().ThrowAsync<ObjectDisposedException>("a text under way ends with the cluster");
    }

    [Fact]
    public async Task Progress_tells_every_stage_in_order()
    {
        List<ClusterProgress> seen = [];
        await using Sdk.Cluster cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(2)
            .ReportProgress(new Recorder(seen))
            .BuildAsync();
        seen.Select(step => step.Stage).Should().BeInAscendingOrder();
        seen.Select(step => step.Stage).Distinct().Should().HaveCount(5);
        seen.Where(step => step.Stage == ClusterStage.Loading).Select(step => step.Rank).Distinct().Should().BeEquivalentTo([0, 1]);
    }

    private async Task<List<GeneratedToken>> CollectAsync(Prompt prompt, GenerationOptions options)
    {
        List<GeneratedToken> tokens = [];
        await foreach (GeneratedToken token in Cluster.GenerateAsync(prompt, options))
        {
            tokens.Add(token);
        }

        return tokens;
    }

    private sealed class Recorder(List<ClusterProgress> seen) : IProgress<ClusterProgress>
    {
        public void Report(ClusterProgress value)
        {
            lock (seen)
            {
                seen.Add(value);
            }
        }
    }

    public sealed class TwoRanks : IAsyncLifetime
    {
        public Sdk.Cluster Cluster { get; private set; } = null!;

        public async Task InitializeAsync() => Cluster = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(2)
            .UseContextLength(256)
            .UseMaxSequences(3)
            .UseMaxBatchTokens(48)
            .BuildAsync();

        public async Task DisposeAsync() => await Cluster.DisposeAsync();
    }
}
