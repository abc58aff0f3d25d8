using System.Text.Json;
using System.Text.Json.Nodes;
using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>Composes <c>config.json</c> as the family's models have it.</summary>
internal static class ConfigFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    public static string Compose(RandomModelOptions options)
    {
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(Architecture(options.Family)),
            ["model_type"] = Enum.GetName(options.Family)!.ToLowerInvariant(),
            ["hidden_act"] = "silu",
            ["hidden_size"] = options.HiddenSize,
            ["intermediate_size"] = options.IntermediateSize,
            ["num_hidden_layers"] = options.LayerCount,
            ["num_attention_heads"] = options.QueryHeadCount,
            ["num_key_value_heads"] = options.KeyValueHeadCount,
            ["head_dim"] = options.HeadSize,
            ["vocab_size"] = options.VocabularySize,
            ["max_position_embeddings"] = options.MaxContextLength,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = options.RopeTheta,
            ["rope_scaling"] = Scaling(options.RopeScaling),
            ["tie_word_embeddings"] = options.IsHeadTied,
            ["torch_dtype"] = TypeName(options.Type),
        };
        AddTokens(config, options.VocabularySize);
        switch (options.Family)
        {
            case RandomModelFamily.Llama:
                config["attention_bias"] = options.HasBiases;
                config["mlp_bias"] = options.HasBiases;
                break;
            case RandomModelFamily.Mistral:
                config["sliding_window"] = options.SlidingWindow;
                break;
            case RandomModelFamily.Qwen2:
                config["use_sliding_window"] = false;
                break;
            case RandomModelFamily.Qwen3:
                config["attention_bias"] = options.HasBiases;
                config["use_sliding_window"] = false;
                break;
        }

        if (options.Quantization is { } packing)
        {
            config["quantization"] = Quantization(packing, options.QuantizationOverrides);
            config["quantization_config"] = Quantization(packing, options.QuantizationOverrides);
        }

        return config.ToJsonString(Indented) + "\n";
    }

    private static string Architecture(RandomModelFamily family) => family switch
    {
        RandomModelFamily.Llama => "LlamaForCausalLM",
        RandomModelFamily.Mistral => "MistralForCausalLM",
        RandomModelFamily.Qwen2 => "Qwen2ForCausalLM",
        RandomModelFamily.Qwen3 => "Qwen3ForCausalLM",
        _ => throw new ArgumentOutOfRangeException(nameof(family)),
    };

    private static string TypeName(ElementType type) => type switch
    {
        ElementType.Float32 => "float32",
        ElementType.Float16 => "float16",
        _ => "bfloat16",
    };

    private static void AddTokens(JsonObject config, int vocabulary)
    {
        if (vocabulary >= TokenizerFiles.SpecialTokens.Length)
        {
            config["bos_token_id"] = TokenizerFiles.BeginToken;
            config["eos_token_id"] = TokenizerFiles.EndToken;
        }
    }

    private static JsonObject? Scaling(RopeScaling? scaling) => scaling switch
    {
        null => null,
        LinearRopeScaling linear => new JsonObject { ["rope_type"] = "linear", ["factor"] = linear.Factor },
        Llama3RopeScaling llama3 => new JsonObject
        {
            ["rope_type"] = "llama3",
            ["factor"] = llama3.Factor,
            ["low_freq_factor"] = llama3.LowFrequencyFactor,
            ["high_freq_factor"] = llama3.HighFrequencyFactor,
            ["original_max_position_embeddings"] = llama3.OriginalContextLength,
        },
        _ => throw new ConfigurationException($"RopeScaling is {scaling.GetType().Name}; it must be LinearRopeScaling or Llama3RopeScaling."),
    };

    private static JsonObject Quantization(QuantizationSpec packing, IReadOnlyDictionary<string, QuantizationSpec?> overrides)
    {
        JsonObject quantization = Packing(packing);
        quantization["mode"] = packing.Format.Name;
        foreach ((string path, QuantizationSpec? own) in overrides)
        {
            quantization[path] = own is null ? JsonValue.Create(false) : Packing(own);
        }

        return quantization;
    }

    private static JsonObject Packing(QuantizationSpec packing) => new() { ["group_size"] = packing.GroupSize, ["bits"] = packing.Bits };
}
