using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>What one rank's part takes in memory, as the layers declare it.</summary>
internal static class ShardFootprint
{
    // Sums of a few stay within 64 bits.
    private const long Most = 1L << 61;

    /// <summary>Bytes of weights as stored: the rank's slices of every matrix, and every norm. A tied head counts once.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <returns>Bytes.</returns>
    public static long Weights(ModelSpec spec, ShardAssignment assignment) =>
        spec.Linears.Sum(linear => LinearSlices.Of(linear, assignment).ByteCount) + spec.Norms.Sum(static norm => norm.ByteCount);

    /// <summary>Bytes of cache that one more token takes in every layer.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="precision">How keys and values are held.</param>
    /// <returns>Bytes.</returns>
    public static long CachePerToken(ModelSpec spec, ShardAssignment assignment, KeyValuePrecision precision) =>
        Caches(spec).Sum(cache => cache.BytesPerToken(assignment, precision));

    /// <summary>Bytes of cache of every sequence at full context, at most 2⁶¹ so that sums stay within 64 bits.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="request">Context, sequences, and how caches are held.</param>
    /// <returns>Bytes.</returns>
    public static long Cache(ModelSpec spec, ShardAssignment assignment, PlanRequest request)
    {
        Int128 perSequence = 0;
        foreach (CacheSpec cache in Caches(spec))
        {
            // What a step appends stands beside the window; what a backend does not bound, it holds for the whole context.
            perSequence += cache.Window is { } window
                ? (Int128)cache.BytesPerToken(assignment, request.KeyValues)
                    * (request.BoundsWindows ? Math.Min(request.ContextLength, (long)window + request.MaxBatchTokens - 1) : request.ContextLength)
                : cache.Bytes(assignment, request.KeyValues, request.ContextLength);
        }

        return (long)Int128.Min(Most, perSequence * request.MaxSequences);
    }

    /// <summary>
    /// Bytes of step buffers, an estimate from above in single precision: for each token of the largest step the residual stream, its
    /// norm and the partial sum, and what the most demanding mixer and feed-forward take, which layers use in turn; and the rank's logits,
    /// on rank 0 those of all ranks as well.
    /// </summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="request">The limits of a step.</param>
    /// <returns>Bytes.</returns>
    public static long Activations(ModelSpec spec, ShardAssignment assignment, PlanRequest request)
    {
        long perToken = (3L * spec.HiddenSize)
            + spec.Layers.Max(layer => layer.Mixer.BufferWidth(assignment, request.ContextLength))
            + spec.Layers.Max(layer => layer.FeedForward.BufferWidth(assignment, request.ContextLength));
        long logits = assignment.Tokens.Count + (assignment.Rank == 0 ? spec.VocabularySize : 0L);
        return sizeof(float) * ((request.MaxBatchTokens * perToken) + (request.MaxSequences * logits));
    }

    private static IEnumerable<CacheSpec> Caches(ModelSpec spec) => spec.Layers.SelectMany(static layer => layer.Mixer.Caches);
}
