using Exo.Sdk.Models;

namespace Exo.Sdk.Testing;

/// <summary>A model family that <see cref="RandomModel"/> writes.</summary>
public enum RandomModelFamily
{
    /// <summary>Llama 2 and 3.</summary>
    Llama,

    /// <summary>Mistral: an optional sliding window.</summary>
    Mistral,

    /// <summary>Qwen2: biases on queries, keys and values.</summary>
    Qwen2,

    /// <summary>Qwen3: queries and keys are normed.</summary>
    Qwen3,
}

/// <summary>The shape of a random model. The defaults make one of about 0.6 MB.</summary>
public sealed record RandomModelOptions
{
    /// <summary>The family.</summary>
    public RandomModelFamily Family { get; init; } = RandomModelFamily.Llama;

    /// <summary>The length of the residual stream.</summary>
    public int HiddenSize { get; init; } = 64;

    /// <summary>The number of layers.</summary>
    public int LayerCount { get; init; } = 2;

    /// <summary>The number of query heads.</summary>
    public int QueryHeadCount { get; init; } = 8;

    /// <summary>The number of key-value heads; it divides <see cref="QueryHeadCount"/>.</summary>
    public int KeyValueHeadCount { get; init; } = 4;

    /// <summary>Elements per head; even. Heads times size need not be the hidden size.</summary>
    public int HeadSize { get; init; } = 16;

    /// <summary>Channels of the feed-forward block.</summary>
    public int IntermediateSize { get; init; } = 160;

    /// <summary>Vocabulary entries. From 259 on the tokenizer knows every text.</summary>
    public int VocabularySize { get; init; } = 320;

    /// <summary>Whether the head is the embedding.</summary>
    public bool IsHeadTied { get; init; }

    /// <summary>
    /// Whether the biases that the family may have are there: Llama's on every matrix of a layer, Qwen3's on the attention's.
    /// Qwen2 always has those of queries, keys and values; Mistral never has any.
    /// </summary>
    public bool HasBiases { get; init; }

    /// <summary>The element type of plain weights, norms, biases, and of the scales of quantized weights: F32, F16 or BF16.</summary>
    public ElementType Type { get; init; } = ElementType.Float32;

    /// <summary>MLX affine quantization of every matrix, embedding and head included, or null.</summary>
    public QuantizationSpec? Quantization { get; init; }

    /// <summary>
    /// Other quantizations by path, for example <c>model.layers.0.mlp.down_proj</c>; null leaves a matrix plain.
    /// Only with <see cref="Quantization"/>.
    /// </summary>
    public IReadOnlyDictionary<string, QuantizationSpec?> QuantizationOverrides { get; init; } =
        new Dictionary<string, QuantizationSpec?>();

    /// <summary>The base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>How rotary frequencies are stretched, or null.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Mistral's window in positions, or null.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The context length that the model claims to be made for.</summary>
    public int MaxContextLength { get; init; } = 4096;

    /// <summary>Equal options make equal files, byte for byte.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Bytes of tensors in one file at most, unless a single tensor is larger.</summary>
    public long ShardSize { get; init; } = 5L << 30;

    /// <summary>
    /// The reference shape of the speed figures: hidden 2048, 16 layers, 32 heads over 8 of 64, 8192 channels, 32000 entries, MLX
    /// 4 bits by 64. About 620 MB.
    /// </summary>
    public static RandomModelOptions ShapeS { get; } = new()
    {
        HiddenSize = 2048,
        LayerCount = 16,
        QueryHeadCount = 32,
        KeyValueHeadCount = 8,
        HeadSize = 64,
        IntermediateSize = 8192,
        VocabularySize = 32000,
        Type = ElementType.BFloat16,
        Quantization = new QuantizationSpec(4, 64),
    };

    /// <summary>The small reference shape: hidden 512, 8 layers, 8 heads over 4 of 64, 1536 channels, 4096 entries, MLX 4 bits by 64.</summary>
    public static RandomModelOptions ShapeT { get; } = ShapeS with
    {
        HiddenSize = 512,
        LayerCount = 8,
        QueryHeadCount = 8,
        KeyValueHeadCount = 4,
        IntermediateSize = 1536,
        VocabularySize = 4096,
    };
}
