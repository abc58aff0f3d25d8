namespace Exo.Sdk.Models;

/// <summary>Grouped-query attention: every group of query heads shares one key-value head.</summary>
public sealed record AttentionSpec
{
    /// <summary>The number of query heads.</summary>
    public required int QueryHeadCount { get; init; }

    /// <summary>The number of key-value heads; it divides <see cref="QueryHeadCount"/>.</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>The elements per head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Whether queries and keys are RMS-normed per head before rope.</summary>
    public bool HasQueryKeyNorm { get; init; }

    /// <summary>How many positions back (itself included) a position may look, or null for all.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>Query heads per key-value head.</summary>
    public int GroupSize => QueryHeadCount / KeyValueHeadCount;

    /// <summary>The factor on q·k: 1/√HeadSize (Vaswani et al. 2017).</summary>
    public float Scale => 1f / MathF.Sqrt(HeadSize);
}

/// <summary>One transformer layer: x += Output·attention(norm(x)), then x += Down·(silu(Gate·norm(x)) ⊙ (Up·norm(x))).</summary>
public sealed record LayerSpec
{
    /// <summary>The norm before attention.</summary>
    public required NormSpec AttentionNorm { get; init; }

    /// <summary>Queries.</summary>
    public required LinearSpec Query { get; init; }

    /// <summary>Keys.</summary>
    public required LinearSpec Key { get; init; }

    /// <summary>Values.</summary>
    public required LinearSpec Value { get; init; }

    /// <summary>The per-head norm of queries, where the family has one.</summary>
    public NormSpec? QueryNorm { get; init; }

    /// <summary>The per-head norm of keys, where the family has one.</summary>
    public NormSpec? KeyNorm { get; init; }

    /// <summary>The projection of the attended values back to the hidden size.</summary>
    public required LinearSpec Output { get; init; }

    /// <summary>The norm before the feed-forward block.</summary>
    public required NormSpec FeedForwardNorm { get; init; }

    /// <summary>The gate of the feed-forward block.</summary>
    public required LinearSpec Gate { get; init; }

    /// <summary>The up-projection.</summary>
    public required LinearSpec Up { get; init; }

    /// <summary>The down-projection.</summary>
    public required LinearSpec Down { get; init; }

    /// <summary>All matrices of the layer.</summary>
    public IEnumerable<LinearSpec> Linears => [Query, Key, Value, Output, Gate, Up, Down];

    /// <summary>All norms of the layer.</summary>
    public IEnumerable<NormSpec> Norms
    {
        get
        {
            yield return AttentionNorm;
            if (QueryNorm is not null)
            {
                yield return QueryNorm;
            }

            if (KeyNorm is not null)
            {
                yield return KeyNorm;
            }

            yield return FeedForwardNorm;
        }
    }
}

/// <summary>
/// Everything the planner, the loader and the backends need to know of a decoder-only transformer, in the field's terms.
/// A model family is one function from <c>config.json</c> to this.
/// </summary>
public sealed record ModelSpec
{
    /// <summary>The family, for example <c>llama</c> or <c>qwen3</c>.</summary>
    public required string Family { get; init; }

    /// <summary>The architecture as the model names it, for example <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The length of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Channels of the feed-forward block.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>The number of vocabulary entries.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The longest context the model was made for, in tokens.</summary>
    public required int MaxContextLength { get; init; }

    /// <summary>ε of every norm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Attention.</summary>
    public required AttentionSpec Attention { get; init; }

    /// <summary>Rotary position embedding.</summary>
    public required RopeSpec Rope { get; init; }

    /// <summary>The table of token embeddings <c>[vocabulary, hidden]</c>, divided by vocabulary entries.</summary>
    public required LinearSpec Embedding { get; init; }

    /// <summary>The layers, first to last.</summary>
    public required IReadOnlyList<LayerSpec> Layers { get; init; }

    /// <summary>The norm before the head.</summary>
    public required NormSpec FinalNorm { get; init; }

    /// <summary>The projection to logits <c>[vocabulary, hidden]</c>; the embedding itself where the two are tied.</summary>
    public required LinearSpec Head { get; init; }

    /// <summary>The token a text begins with, where the model's configuration names one.</summary>
    public int? BeginToken { get; init; }

    /// <summary>The tokens that end a generation.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Whether the head reuses the embedding table.</summary>
    public bool IsHeadTied => Head.Path == Embedding.Path;
}
