using System.Text.Json;
using System.Text.Json.Nodes;
using Exo.Golden.Formats;

namespace Exo.Golden.Reference;

/// <summary>What the forward pass needs to know, read from a Hugging Face <c>config.json</c>.</summary>
internal sealed record ModelConfig
{
    public required string Family { get; init; }

    public required ElementType StoredType { get; init; }

    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDimension { get; init; }

    public required double NormEpsilon { get; init; }

    public required RopeParameters Rope { get; init; }

    /// <summary>A position sees itself and the previous <c>SlidingWindow − 1</c>; null for plain causal attention.</summary>
    public required int? SlidingWindow { get; init; }

    /// <summary>The head is the embedding.</summary>
    public required bool TiedHead { get; init; }

    public required bool QueryKeyValueBias { get; init; }

    public required bool OutputBias { get; init; }

    public required bool MlpBias { get; init; }

    /// <summary>RMS norm over each head of q and k before the rotation (Qwen3).</summary>
    public required bool QueryKeyNorm { get; init; }

    /// <summary>MLX quantization by weight path; null when the path is stored as plain numbers.</summary>
    public required Func<string, AffineParameters?> Quantization { get; init; }

    public bool IsMlx { get; init; }

    public static ModelConfig Parse(string json)
    {
        JsonObject config = JsonNode.Parse(json)!.AsObject();
        string family = (string)config["model_type"]!;
        int hidden = (int)config["hidden_size"]!;
        int heads = (int)config["num_attention_heads"]!;
        bool attentionBias = (bool?)config["attention_bias"] ?? false;
        bool isQwen = family is "qwen2" or "qwen3";
        if (!isQwen && family is not ("llama" or "mistral"))
        {
            throw new NotSupportedException($"model_type '{family}'");
        }

        bool usesWindow = family == "mistral" || (isQwen && ((bool?)config["use_sliding_window"] ?? false));
        if (isQwen && usesWindow)
        {
            throw new NotSupportedException("Qwen's per-layer windows");
        }

        return new ModelConfig
        {
            Family = family,
            StoredType = Elements.FromTorchName((string)(config["dtype"] ?? config["torch_dtype"])!),
            VocabularySize = (int)config["vocab_size"]!,
            HiddenSize = hidden,
            IntermediateSize = (int)config["intermediate_size"]!,
            Layers = (int)config["num_hidden_layers"]!,
            Heads = heads,
            KeyValueHeads = (int?)config["num_key_value_heads"] ?? heads,
            HeadDimension = (int?)config["head_dim"] ?? hidden / heads,
            NormEpsilon = (double)config["rms_norm_eps"]!,
            Rope = RopeParameters.Parse(config),
            SlidingWindow = usesWindow ? (int?)config["sliding_window"] : null,
            TiedHead = (bool?)config["tie_word_embeddings"] ?? false,
            QueryKeyValueBias = family == "qwen2" || attentionBias,
            OutputBias = family != "qwen2" && attentionBias,
            MlpBias = (bool?)config["mlp_bias"] ?? false,
            QueryKeyNorm = family == "qwen3",
            Quantization = ParseQuantization(config["quantization"] as JsonObject),
            IsMlx = config["quantization"] is not null,
        };
    }

    private static Func<string, AffineParameters?> ParseQuantization(JsonObject? quantization)
    {
        if (quantization is null)
        {
            return _ => null;
        }

        var standard = ParseAffine(quantization);
        return path => quantization[path] switch
        {
            null => standard,
            JsonObject own => ParseAffine(own),
            JsonValue flag when flag.GetValueKind() == JsonValueKind.False => null,
            _ => standard,
        };
    }

    private static AffineParameters ParseAffine(JsonObject parameters)
    {
        string mode = (string?)parameters["mode"] ?? "affine";
        return mode == "affine"
            ? new AffineParameters((int)parameters["group_size"]!, (int)parameters["bits"]!)
            : throw new NotSupportedException($"quantization mode '{mode}'");
    }
}
