using Exo.Sdk.Generation;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Generation;

public sealed class TokenSamplerTests(ITestOutputHelper output)
{
    private static readonly float[] Logits = [1f, 3f, 2f, -1f, 2.5f];

    private static int Pick(TokenSampler sampler, float[]? logits = null) => sampler.Sample([.. logits ?? Logits]);

    private static int[] Histogram(GenerationOptions options, float[] logits, int draws)
    {
        TokenSampler sampler = new(options, logits.Length);
        int[] counts = new int[logits.Length];
        for (int i = 0; i < draws; i++)
        {
            counts[Pick(sampler, logits)]++;
        }

        return counts;
    }

    [Fact]
    public void Temperature_zero_takes_the_likeliest() =>
        Pick(new TokenSampler(GenerationOptions.Greedy, 5)).Should().Be(1);

    [Fact]
    public void A_seed_repeats_the_draws()
    {
        GenerationOptions options = new() { Temperature = 1, TopP = 1, Seed = 42 };
        TokenSampler first = new(options, 5);
        TokenSampler second = new(options, 5);
        Enumerable.Range(0, 100).Select(_ => Pick(first)).Should().Equal(Enumerable.Range(0, 100).Select(_ => Pick(second)).ToArray());
    }

    [Theory]
    [InlineData(1f)]
    [InlineData(0.5f)]
    [InlineData(2f)]
    public void Draws_follow_the_softmax(float temperature)
    {
        const int Draws = 40_000;
        int[] counts = Histogram(new GenerationOptions { Temperature = temperature, TopP = 1, Seed = 7 }, Logits, Draws);
        double[] weights = [.. Logits.Select(logit => Math.Exp(logit / temperature))];
        double worst = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            double expected = weights[i] / weights.Sum();
            double deviations = Math.Abs(counts[i] - (Draws * expected)) / Math.Sqrt((Draws * expected * (1 - expected)) + 1);
            worst = Math.Max(worst, deviations);
        }

        output.WriteLine($"largest deviation: {worst:F2} standard deviations");
        worst.Should().BeLessThan(5);
    }

    [Theory]
    [InlineData(1e-6f)]
    [InlineData(1e-42f)]
    public void A_tiny_temperature_takes_the_likeliest(float temperature) =>
        Histogram(new GenerationOptions { Temperature = temperature, TopP = 1, Seed = 1 }, Logits, 100)[1].Should().Be(100);

    [Fact]
    public void Top_k_keeps_the_k_likeliest() =>
        Histogram(new GenerationOptions { Temperature = 5, TopK = 2, TopP = 1, Seed = 1 }, Logits, 2000)
            .Select(count => count > 0).Should().Equal(false, true, false, false, true);

    [Fact]
    public void Top_p_keeps_the_smallest_set_that_reaches_it()
    {
        float[] logits = [.. new[] { 0.5, 0.3, 0.15, 0.05 }.Select(p => (float)Math.Log(p))];
        Histogram(new GenerationOptions { Temperature = 1, TopP = 0.7f, Seed = 1 }, logits, 4000)
            .Select(count => count > 0).Should().Equal(true, true, false, false);
        Histogram(new GenerationOptions { Temperature = 1, TopP = 0.9f, Seed = 1 }, logits, 4000)
            .Select(count => count > 0).Should().Equal(true, true, true, false);
    }

    [Fact]
    public void Top_p_looks_beyond_the_first_floor_when_the_mass_lies_in_the_tail()
    {
        // One likely token and a hundred thousand unlikely ones that together weigh as much.
        float[] logits = new float[100_001];
        Array.Fill(logits, (float)Math.Log(1e-5));
        logits[0] = 0;
        int[] counts = Histogram(new GenerationOptions { Temperature = 1, TopP = 0.99f, Seed = 3 }, logits, 300);
        counts[0].Should().BeInRange(90, 220);
    }

    [Fact]
    public void Min_p_drops_what_is_unlikely_relative_to_the_best()
    {
        float[] logits = [.. new[] { 0.6, 0.3, 0.07, 0.03 }.Select(p => (float)Math.Log(p))];
        Histogram(new GenerationOptions { Temperature = 1, TopP = 1, MinP = 0.2f, Seed = 1 }, logits, 4000)
            .Select(count => count > 0).Should().Equal(true, true, false, false);
        Histogram(new GenerationOptions { Temperature = 1, TopP = 0.999f, MinP = 0.2f, Seed = 1 }, logits, 4000)
            .Select(count => count > 0).Should().Equal(true, true, false, false);
    }

    [Fact]
    public void The_repetition_penalty_weakens_what_was_seen()
    {
        TokenSampler sampler = new(new GenerationOptions { Temperature = 0, RepetitionPenalty = 2 }, 5);
        Pick(sampler).Should().Be(1);
        sampler.Observe(1);
        Pick(sampler).Should().Be(4);
        sampler.Observe(4);
        Pick(sampler).Should().Be(2);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Broken_logits_are_an_error(float bad)
    {
        Action pick = () => Pick(new TokenSampler(GenerationOptions.Greedy, 2), [0f, bad]);
        pick.Should().Throw<BackendException>();
    }

    [Fact]
    public void Sampling_allocates_nothing()
    {
        float[] logits = new float[5000];
        Random random = new(1);
        TokenSampler sampler = new(new GenerationOptions { Temperature = 0.8f, TopK = 40, TopP = 0.9f, MinP = 0.01f, RepetitionPenalty = 1.1f, Seed = 1 }, logits.Length);
        long Allocated()
        {
            for (int i = 0; i < logits.Length; i++)
            {
                logits[i] = (random.NextSingle() * 10) - 5;
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            sampler.Sample(logits);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Allocated();
        Allocated().Should().Be(0);
    }

    [Theory]
    [InlineData(-1f, 0.9f)]
    [InlineData(float.NaN, 0.9f)]
    [InlineData(1f, 0f)]
    [InlineData(1f, 1.5f)]
    public void Options_out_of_range_are_refused(float temperature, float topP)
    {
        Action validate = () => new GenerationOptions { Temperature = temperature, TopP = topP }.Validate();
        validate.Should().Throw<ConfigurationException>().WithMessage("GenerationOptions.*");
    }
}
