using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>What one rank's part takes in memory.</summary>
internal static class ShardFootprint
{
    /// <summary>Bytes of weights as stored: the rank's slices of every matrix, and every norm. A tied head counts once.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <returns>Bytes.</returns>
    public static long Weights(ModelSpec spec, ShardAssignment assignment)
    {
        long bytes = LinearSlices.Of(spec.Embedding, assignment).ByteCount;
        if (!spec.IsHeadTied)
        {
            bytes += LinearSlices.Of(spec.Head, assignment).ByteCount;
        }

        foreach (LayerSpec layer in spec.Layers)
        {
            bytes += layer.Linears.Sum(linear => LinearSlices.Of(linear, assignment).ByteCount);
            bytes += layer.Norms.Sum(norm => NormBytes(norm, layer.Query));
        }

        return bytes + NormBytes(spec.FinalNorm, spec.Embedding);
    }

    /// <summary>Bytes of keys and values of one token in every layer.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="precision">How they are held.</param>
    /// <returns>Bytes.</returns>
    public static long KeyValuesPerToken(ModelSpec spec, ShardAssignment assignment, KeyValuePrecision precision)
    {
        long elements = spec.Attention.HeadSize;
        long headBytes = precision switch
        {
            KeyValuePrecision.Float32 => elements * sizeof(float),
            KeyValuePrecision.Float16 => (elements * sizeof(ushort)) + sizeof(float),
            KeyValuePrecision.BFloat16 => elements * sizeof(ushort),
            _ => elements + sizeof(float),
        };
        return 2L * spec.Layers.Count * assignment.KeyValueHeads.Count * headBytes;
    }

    /// <summary>Bytes of keys and values of every sequence at full context, at most 2⁶¹ so that sums stay within 64 bits.</summary>
    /// <param name="perToken">Bytes of one token.</param>
    /// <param name="request">Context and sequences.</param>
    /// <returns>Bytes.</returns>
    public static long KeyValues(long perToken, PlanRequest request) =>
        (long)Int128.Min(1L << 61, (Int128)perToken * request.ContextLength * request.MaxSequences);

    /// <summary>
    /// Bytes of step buffers, an estimate from above in single precision: for each token of the largest step the residual stream, its
    /// norm and the partial sum, queries and attended values, keys and values, and gate, up and their product; the attention
    /// scores of one layer at full context; and the rank's logits, on rank 0 those of all ranks as well.
    /// </summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="request">The limits of a step.</param>
    /// <returns>Bytes.</returns>
    public static long Activations(ModelSpec spec, ShardAssignment assignment, PlanRequest request)
    {
        long heads = assignment.QueryHeads.Count;
        long perToken = (3L * spec.HiddenSize)
            + (2L * spec.Attention.HeadSize * (heads + assignment.KeyValueHeads.Count))
            + (3L * assignment.Channels.Count)
            + (heads * request.ContextLength);
        long logits = assignment.Tokens.Count + (assignment.Rank == 0 ? spec.VocabularySize : 0L);
        return sizeof(float) * ((request.MaxBatchTokens * perToken) + (request.MaxSequences * logits));
    }

    // A norm's element type is not part of the specification; models store it like the numbers of the matrix next to it.
    private static long NormBytes(NormSpec norm, LinearSpec neighbor) => (long)norm.Size * neighbor.StoredType.SizeInBytes();
}
