using Exo.Sdk.Mlx.Tests.Support;
using Exo.Sdk.Tests.Golden;
using Exo.Sdk.Tests.Models;
using Xunit.Abstractions;

namespace Exo.Sdk.Mlx.Tests.Distributed;

/// <summary>Ranks in processes of their own, joined by MLX's ring over loopback TCP, which the backend set up from our group.</summary>
[Collection(AloneCollection.Name)]
public sealed class RingTests(ITestOutputHelper output)
{
    [MlxTheory]
    [InlineData("llama-f32-sharded", 2)]
    [InlineData("qwen2-mlx-4bit-g32", 2)]
    [InlineData("llama-f32-odd-sizes", 3)]
    public void Ranks_choose_the_tokens_that_one_rank_chooses(string model, int size)
    {
        GoldenExpectation expected = GoldenExpectation.Read(GoldenModels.PathOf(model));

        RankProcess.Answer?[] answers = RankProcess.Start(GoldenModels.PathOf(model), size);

        answers.Should().OnlyContain(answer => answer != null && answer.Exception == null, string.Join("; ", answers.Select(answer => answer?.Message)));
        output.WriteLine($"{model} on {size} ranks over MLX's ring: largest relative error {answers[0]!.Error:E2}");
        answers[0]!.Error.Should().BeLessThan(1e-4);
        answers[0]!.Tokens.Should().Equal(expected.Greedy);
    }

    [MlxFact]
    public void A_second_shard_uses_the_ring_that_is_there()
    {
        RankProcess.Answer?[] answers = RankProcess.Start(GoldenModels.PathOf("qwen3-f32"), 2, rounds: 2);

        answers[0]!.Exception.Should().BeNull(answers[0]!.Message);
        answers[0]!.Error.Should().BeLessThan(1e-4);
    }

    [MlxFact]
    public void A_rank_that_dies_is_named_although_the_ring_never_returns()
    {
        RankProcess.Answer?[] answers = RankProcess.Start(GoldenModels.PathOf("qwen3-f32"), 2, rankThatDies: 1, stepTimeoutSeconds: 3);

        answers[1].Should().BeNull("rank 1 ended itself");
        output.WriteLine($"Rank 0 after {answers[0]!.Seconds:0.0} s: {answers[0]!.Exception}: {answers[0]!.Message}");
        answers[0]!.Exception.Should().Be(nameof(PeerLostException));
        answers[0]!.LostRank.Should().Be(1);
    }
}
