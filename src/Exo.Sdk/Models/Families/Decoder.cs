using Exo.Sdk.Input;

namespace Exo.Sdk.Models.Families;

/// <summary>
/// The decoder that Llama set and its successors keep: pre-norm layers of grouped-query attention with rope and a gated
/// feed-forward block (Touvron et al. 2023). A family states how it differs.
/// </summary>
public sealed record Decoder
{
    // Far above any model, low enough that products of two stay below 2³¹.
    private const int MaxHidden = 1 << 20;
    private const int MaxIntermediate = 1 << 22;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxLayers = 1 << 12;
    private const int MaxHeads = 1 << 12;
    private const int MaxHeadSize = 1 << 12;

    /// <summary>Key-value heads where the configuration is silent; null for as many as query heads.</summary>
    public int? DefaultKeyValueHeads { get; init; }

    /// <summary>Elements per head where the configuration is silent; null for hidden size / query heads.</summary>
    public int? DefaultHeadSize { get; init; }

    /// <summary>Whether queries, keys and values have biases.</summary>
    public bool HasQueryKeyValueBias { get; init; }

    /// <summary>Whether the projection after attention has a bias.</summary>
    public bool HasOutputBias { get; init; }

    /// <summary>Whether gate, up and down have biases.</summary>
    public bool HasFeedForwardBias { get; init; }

    /// <summary>Whether queries and keys are normed per head.</summary>
    public bool HasQueryKeyNorm { get; init; }

    /// <summary>Positions that a layer's attention reaches back, or null for all.</summary>
    public Func<int, int?> SlidingWindow { get; init; } = static _ => null;

    /// <summary>The number of layers.</summary>
    /// <param name="config">The configuration.</param>
    /// <returns>At least 1.</returns>
    public static int LayerCount(ConfigObject config) => config.Integer("num_hidden_layers", 1, MaxLayers);

    /// <summary>Reads the specification.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="weights">The weights that are stored.</param>
    /// <returns>The specification, apart from tokens and names.</returns>
    public ModelSpec Read(ConfigObject config, WeightCatalog weights)
    {
        RequireSilu(config);
        DecoderSizes sizes = ReadSizes(config);
        LinearSpec embedding = weights.Linear("model.embed_tokens", sizes.Hidden, sizes.Vocabulary, SplitRule.Column(SplitUnit.Token));
        return new ModelSpec
        {
            Family = "",
            Architecture = "",
            HiddenSize = sizes.Hidden,
            VocabularySize = sizes.Vocabulary,
            MaxContextLength = config.Integer("max_position_embeddings", 1, 1 << 30),
            Embedding = embedding,
            Layers =
            [
                .. Enumerable.Range(0, sizes.Layers).Select(i => new LayerSpec(
                    Attention($"model.layers.{i}", sizes, SlidingWindow(i), weights), FeedForward($"model.layers.{i}", sizes, weights))),
            ],
            FinalNorm = weights.Norm("model.norm", sizes.Hidden, sizes.Epsilon),
            Head = Head(config, embedding, weights),
        };
    }

    private GroupedQueryAttention Attention(string path, DecoderSizes sizes, int? window, WeightCatalog weights)
    {
        int queries = sizes.QueryHeads * sizes.HeadSize;
        int keys = sizes.KeyValueHeads * sizes.HeadSize;
        SplitRule byQueryHead = SplitRule.Column(SplitUnit.QueryHead, sizes.HeadSize);
        SplitRule byKeyValueHead = SplitRule.Column(SplitUnit.KeyValueHead, sizes.HeadSize);
        return new GroupedQueryAttention
        {
            Norm = weights.Norm($"{path}.input_layernorm", sizes.Hidden, sizes.Epsilon),
            QueryHeadCount = sizes.QueryHeads,
            KeyValueHeadCount = sizes.KeyValueHeads,
            HeadSize = sizes.HeadSize,
            SlidingWindow = window,
            Rope = sizes.Rope,
            Query = weights.Linear($"{path}.self_attn.q_proj", sizes.Hidden, queries, byQueryHead, HasQueryKeyValueBias),
            Key = weights.Linear($"{path}.self_attn.k_proj", sizes.Hidden, keys, byKeyValueHead, HasQueryKeyValueBias),
            Value = weights.Linear($"{path}.self_attn.v_proj", sizes.Hidden, keys, byKeyValueHead, HasQueryKeyValueBias),
            QueryNorm = HasQueryKeyNorm ? weights.Norm($"{path}.self_attn.q_norm", sizes.HeadSize, sizes.Epsilon) : null,
            KeyNorm = HasQueryKeyNorm ? weights.Norm($"{path}.self_attn.k_norm", sizes.HeadSize, sizes.Epsilon) : null,
            Output = weights.Linear(
                $"{path}.self_attn.o_proj", queries, sizes.Hidden, SplitRule.Row(SplitUnit.QueryHead, sizes.HeadSize), HasOutputBias),
        };
    }

    private GatedFeedForward FeedForward(string path, DecoderSizes sizes, WeightCatalog weights)
    {
        SplitRule byChannel = SplitRule.Column(SplitUnit.Channel);
        return new GatedFeedForward
        {
            Norm = weights.Norm($"{path}.post_attention_layernorm", sizes.Hidden, sizes.Epsilon),
            Gate = weights.Linear($"{path}.mlp.gate_proj", sizes.Hidden, sizes.Channels, byChannel, HasFeedForwardBias),
            Up = weights.Linear($"{path}.mlp.up_proj", sizes.Hidden, sizes.Channels, byChannel, HasFeedForwardBias),
            Down = weights.Linear($"{path}.mlp.down_proj", sizes.Channels, sizes.Hidden, SplitRule.Row(SplitUnit.Channel), HasFeedForwardBias),
        };
    }

    private DecoderSizes ReadSizes(ConfigObject config)
    {
        int hidden = config.Integer("hidden_size", 1, MaxHidden);
        int channels = config.Integer("intermediate_size", 1, MaxIntermediate);
        int vocabulary = config.Integer("vocab_size", 1, MaxVocabulary);
        int queryHeads = config.Integer("num_attention_heads", 1, MaxHeads);
        int fallback = config.Has("num_key_value_heads") ? queryHeads : DefaultKeyValueHeads ?? queryHeads;
        int keyValueHeads = config.OptionalInteger("num_key_value_heads", 1, MaxHeads) ?? fallback;
        if (queryHeads % keyValueHeads != 0)
        {
            throw config.Error("num_key_value_heads", "the value does not fit", $"a divisor of num_attention_heads, {queryHeads}", $"{keyValueHeads}");
        }

        int headSize = config.OptionalInteger("head_dim", 2, MaxHeadSize) ?? DefaultHeadSize ?? EvenShare(config, hidden, queryHeads);
        if (headSize % 2 != 0)
        {
            throw config.Error("head_dim", "the value does not fit", "an even number, because rope turns pairs", $"{headSize}");
        }

        return new DecoderSizes(
            LayerCount(config),
            hidden,
            channels,
            vocabulary,
            queryHeads,
            keyValueHeads,
            headSize,
            (float)(config.OptionalReal("rms_norm_eps", 1e-12, 1) ?? 1e-6),
            RopeConfig.Read(config, defaultTheta: 10_000));
    }

    private static int EvenShare(ConfigObject config, int hidden, int queryHeads) => hidden % queryHeads == 0 && hidden / queryHeads <= MaxHeadSize
        ? hidden / queryHeads
        : throw config.Error(
            "hidden_size", "the value does not fit", $"a multiple of num_attention_heads, {queryHeads}, where head_dim is absent", $"{hidden}");

    private static LinearSpec Head(ConfigObject config, LinearSpec embedding, WeightCatalog weights)
    {
        if (config.Flag("tie_word_embeddings", defaultValue: false))
        {
            return embedding;
        }

        return weights.Has("lm_head")
            ? weights.Linear("lm_head", embedding.InputSize, embedding.OutputSize, SplitRule.Column(SplitUnit.Token))
            : throw config.Error("tie_word_embeddings", "the head is missing", "the tensor lm_head.weight, or a head tied to the embedding", "neither");
    }

    private static void RequireSilu(ConfigObject config)
    {
        string activation = config.OptionalText("hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish"))
        {
            throw new UnsupportedModelException($"activation {HostileText.Quote(activation)}", ["silu"]);
        }
    }

    private sealed record DecoderSizes(
        int Layers, int Hidden, int Channels, int Vocabulary, int QueryHeads, int KeyValueHeads, int HeadSize, float Epsilon, RopeSpec Rope);
}
