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

    /// <summary>Positions that attention reaches back, or null for all.</summary>
    public int? SlidingWindow { get; init; }

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
        int hidden = config.Integer("hidden_size", 1, MaxHidden);
        int intermediate = config.Integer("intermediate_size", 1, MaxIntermediate);
        int vocabulary = config.Integer("vocab_size", 1, MaxVocabulary);
        AttentionSpec attention = ReadAttention(config, hidden);
        LinearSpec embedding = weights.Linear("model.embed_tokens", hidden, vocabulary, SplitRule.Column(SplitUnit.Token));
        LayerSpec[] layers = new LayerSpec[LayerCount(config)];
        for (int i = 0; i < layers.Length; i++)
        {
            layers[i] = Layer($"model.layers.{i}", hidden, intermediate, attention, weights);
        }

        return new ModelSpec
        {
            Family = "",
            Architecture = "",
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            VocabularySize = vocabulary,
            MaxContextLength = config.Integer("max_position_embeddings", 1, 1 << 30),
            NormEpsilon = (float)(config.OptionalReal("rms_norm_eps", 1e-12, 1) ?? 1e-6),
            Attention = attention,
            Rope = RopeConfig.Read(config, defaultTheta: 10_000),
            Embedding = embedding,
            Layers = layers,
            FinalNorm = weights.Norm("model.norm", hidden),
            Head = Head(config, embedding, weights),
        };
    }

    private LayerSpec Layer(string path, int hidden, int intermediate, AttentionSpec attention, WeightCatalog weights)
    {
        int headSize = attention.HeadSize;
        int queries = attention.QueryHeadCount * headSize;
        int keys = attention.KeyValueHeadCount * headSize;
        SplitRule byQueryHead = SplitRule.Column(SplitUnit.QueryHead, headSize);
        SplitRule byKeyValueHead = SplitRule.Column(SplitUnit.KeyValueHead, headSize);
        SplitRule byChannel = SplitRule.Column(SplitUnit.Channel);
        return new LayerSpec
        {
            AttentionNorm = weights.Norm($"{path}.input_layernorm", hidden),
            Query = weights.Linear($"{path}.self_attn.q_proj", hidden, queries, byQueryHead, HasQueryKeyValueBias),
            Key = weights.Linear($"{path}.self_attn.k_proj", hidden, keys, byKeyValueHead, HasQueryKeyValueBias),
            Value = weights.Linear($"{path}.self_attn.v_proj", hidden, keys, byKeyValueHead, HasQueryKeyValueBias),
            QueryNorm = HasQueryKeyNorm ? weights.Norm($"{path}.self_attn.q_norm", headSize) : null,
            KeyNorm = HasQueryKeyNorm ? weights.Norm($"{path}.self_attn.k_norm", headSize) : null,
            Output = weights.Linear($"{path}.self_attn.o_proj", queries, hidden, SplitRule.Row(SplitUnit.QueryHead, headSize), HasOutputBias),
            FeedForwardNorm = weights.Norm($"{path}.post_attention_layernorm", hidden),
            Gate = weights.Linear($"{path}.mlp.gate_proj", hidden, intermediate, byChannel, HasFeedForwardBias),
            Up = weights.Linear($"{path}.mlp.up_proj", hidden, intermediate, byChannel, HasFeedForwardBias),
            Down = weights.Linear($"{path}.mlp.down_proj", intermediate, hidden, SplitRule.Row(SplitUnit.Channel), HasFeedForwardBias),
        };
    }

    private AttentionSpec ReadAttention(ConfigObject config, int hidden)
    {
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

        return new AttentionSpec
        {
            QueryHeadCount = queryHeads,
            KeyValueHeadCount = keyValueHeads,
            HeadSize = headSize,
            HasQueryKeyNorm = HasQueryKeyNorm,
            SlidingWindow = SlidingWindow,
        };
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
}
