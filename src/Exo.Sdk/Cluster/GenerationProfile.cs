using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Exo.Sdk.Diagnostics;

/// <summary>Where rank 0's time went while one answer was generated.</summary>
/// <param name="Prefill">The profiles of the prompt's steps, in order.</param>
/// <param name="Decode">The profiles of the steps that gave one token each, in order.</param>
/// <param name="Spans">What was recorded, in order: for <see cref="StepTrace"/>.</param>
/// <param name="Dropped">Spans that the timeline had no room for; with any, the profiles lack steps.</param>
public sealed record GenerationProfile(
    IReadOnlyList<StepProfile> Prefill, IReadOnlyList<StepProfile> Decode, IReadOnlyList<StepSpan> Spans, int Dropped)
{
    /// <summary>Spans that a timeline needs to hold for one generation and its warm-up, amply counted.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="tokens">Tokens of prompt and answer.</param>
    /// <returns>The capacity for <see cref="StepTimeline"/>.</returns>
    public static int Capacity(int layers, int tokens) => checked(((12 * layers) + 12) * (tokens + WarmUpLimit));

    private const int WarmUpTokens = 24;
    private const int WarmUpLimit = 2048;
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Generates from a made-up prompt and returns where the time went. Generates for a second before, so that everything is compiled.
    /// Nothing else should be generated meanwhile.
    /// </summary>
    /// <param name="cluster">A cluster that was built with the timeline.</param>
    /// <param name="timeline">The timeline that was given to <see cref="ClusterBuilder.UseTimeline"/>.</param>
    /// <param name="promptTokens">Tokens of the prompt, at least 1.</param>
    /// <param name="decodeTokens">Steps that decode, at least 1.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The profile.</returns>
    /// <exception cref="UnavailableException">The cluster's backend records no phases.</exception>
    public static async Task<GenerationProfile> MeasureAsync(
        Cluster cluster, StepTimeline timeline, int promptTokens, int decodeTokens, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(timeline);
        Random random = new(1);
        int[] prompt = [.. Enumerable.Range(0, promptTokens).Select(_ => random.Next(cluster.Model.VocabularySize))];
        long began = Stopwatch.GetTimestamp();
        for (int tokens = 0; tokens + WarmUpTokens < WarmUpLimit && (tokens == 0 || Stopwatch.GetElapsedTime(began) < WarmUpTime); tokens += WarmUpTokens + 2)
        {
            await GenerateAsync(cluster, prompt[..Math.Min(promptTokens, 32)], Math.Min(WarmUpTokens, decodeTokens), cancellationToken).ConfigureAwait(false);
        }

        long start = Stopwatch.GetTimestamp();
        await GenerateAsync(cluster, prompt, decodeTokens + 1, cancellationToken).ConfigureAwait(false);

        // The engine may still close the sequence. That step computes nothing and is left out whether it is seen whole or not.
        StepSpan[] spans = [.. timeline.Spans.ToArray().Where(span => span.Start >= start)];
        IReadOnlyList<StepProfile> steps = StepProfile.Split(spans);
        return steps.Count > decodeTokens
            ? new GenerationProfile([.. steps.SkipLast(decodeTokens)], [.. steps.TakeLast(decodeTokens)], spans, timeline.Dropped)
            : throw new UnavailableException(
                $"Of {decodeTokens + 1} steps and more, {steps.Count} were recorded ({timeline.Dropped} spans did not fit). Was the cluster built with this timeline, and does the backend '{cluster.Backend}' record phases? The backend 'cpu' does.");
    }

    /// <summary>Tables for people: the median of the prompt's steps, and the median of the decode steps.</summary>
    /// <returns>Lines that end with a line feed.</returns>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"Prefill, median of {Prefill.Count} step{(Prefill.Count == 1 ? "" : "s")}\n\n{StepProfile.Median(Prefill)}\n");
        text.Append(CultureInfo.InvariantCulture, $"Decode, median of {Decode.Count} step{(Decode.Count == 1 ? "" : "s")} of one token\n\n{StepProfile.Median(Decode)}");
        if (Dropped > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{Dropped} spans did not fit into the timeline.\n");
        }

        return text.ToString();
    }

    private static async Task GenerateAsync(Cluster cluster, int[] prompt, int tokens, CancellationToken cancellationToken)
    {
        GenerationOptions options = GenerationOptions.Greedy with { MaxTokens = tokens, IgnoreEndTokens = true };
        await foreach (GeneratedToken token in cluster.GenerateAsync(Prompt.Tokens(prompt), options, cancellationToken).ConfigureAwait(false))
        {
            _ = token;
        }
    }
}
