using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Exo.TinyModel.Trainer.Corpus;
using Exo.TinyModel.Trainer.Model;
using Exo.TinyModel.Trainer.Tokenizer;

namespace Exo.TinyModel.Trainer.Export;

/// <summary>A model folder as Hugging Face and MLX lay it out.</summary>
internal static class ModelFolder
{
    private const string ChatTemplate =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    /// <summary>Writes the model in bfloat16, or quantized to 4 bits, embedding included and norms in bfloat16.</summary>
    public static void Write(string folder, Shape shape, IReadOnlyDictionary<string, float[]> weights, BytePairEncoding tokenizer, bool quantized)
    {
        Directory.CreateDirectory(folder);
        Safetensors.Write(Path.Combine(folder, "model.safetensors"), LlamaModel.WeightShapes(shape).SelectMany(entry =>
            quantized && entry.Shape.Length == 2
                ? Quantized(entry.Name, entry.Shape, weights[entry.Name])
                : [KeyValuePair.Create(entry.Name, new StoredTensor("BF16", entry.Shape, BFloat16.ToBytes(weights[entry.Name])))]));
        TokenizerFile.Write(Path.Combine(folder, "tokenizer.json"), tokenizer);
        var endOfText = tokenizer.Special(SpecialTokens.EndOfText);
        var ends = new JsonArray(tokenizer.Special(SpecialTokens.TurnEnd), endOfText);
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["vocab_size"] = shape.VocabularySize,
            ["hidden_size"] = shape.HiddenSize,
            ["num_hidden_layers"] = shape.Layers,
            ["num_attention_heads"] = shape.Heads,
            ["num_key_value_heads"] = shape.KeyValueHeads,
            ["head_dim"] = shape.HeadSize,
            ["intermediate_size"] = shape.IntermediateSize,
            ["hidden_act"] = "silu",
            ["max_position_embeddings"] = shape.MaxPositions,
            ["rms_norm_eps"] = shape.NormEpsilon,
            ["rope_theta"] = shape.RopeTheta,
            ["rope_scaling"] = null,
            ["attention_bias"] = false,
            ["attention_dropout"] = 0.0,
            ["mlp_bias"] = false,
            ["tie_word_embeddings"] = true,
            ["bos_token_id"] = endOfText,
            ["eos_token_id"] = ends.DeepClone(),
            ["pad_token_id"] = endOfText,
            ["initializer_range"] = 0.02,
            ["use_cache"] = true,
            ["torch_dtype"] = "bfloat16",
        };
        if (quantized)
        {
            var quantization = new JsonObject { ["group_size"] = AffineQuantizer.GroupSize, ["bits"] = AffineQuantizer.Bits, ["mode"] = "affine" };
            config["quantization"] = quantization;
            config["quantization_config"] = quantization.DeepClone();
        }
        WriteJson(folder, "config.json", config);
        WriteJson(folder, "generation_config.json", new()
        {
            ["bos_token_id"] = endOfText,
            ["eos_token_id"] = ends.DeepClone(),
            ["pad_token_id"] = endOfText,
            ["do_sample"] = true,
            ["temperature"] = 0.7,
            ["top_p"] = 0.9,
        });
        WriteJson(folder, "tokenizer_config.json", new()
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["add_bos_token"] = false,
            ["add_prefix_space"] = false,
            ["bos_token"] = SpecialTokens.EndOfText,
            ["eos_token"] = SpecialTokens.TurnEnd,
            ["pad_token"] = SpecialTokens.EndOfText,
            ["unk_token"] = null,
            ["added_tokens_decoder"] = new JsonObject(tokenizer.Specials.Select((token, id) => KeyValuePair.Create(English.Number(id), (JsonNode?)new JsonObject
            {
                ["content"] = token,
                ["lstrip"] = false,
                ["normalized"] = false,
                ["rstrip"] = false,
                ["single_word"] = false,
                ["special"] = true,
            }))),
            ["chat_template"] = ChatTemplate,
            ["clean_up_tokenization_spaces"] = false,
            ["model_max_length"] = shape.MaxPositions,
        });
    }

    /// <summary>Reads either kind of folder, with all weights as float32.</summary>
    public static (Dictionary<string, float[]> Weights, BytePairEncoding Tokenizer) Read(string folder)
    {
        var stored = Safetensors.Read(Path.Combine(folder, "model.safetensors"));
        var weights = new Dictionary<string, float[]>();
        foreach (var (name, tensor) in stored)
        {
            var path = name.EndsWith(".weight", StringComparison.Ordinal) ? name[..^".weight".Length] : name;
            switch (tensor.DataType)
            {
                case "F32":
                    weights[name] = MemoryMarshal.Cast<byte, float>(tensor.Bytes).ToArray();
                    break;
                case "U32":
                    weights[name] = AffineQuantizer.Dequantize(tensor.Bytes, BFloat16.FromBytes(stored[path + ".scales"].Bytes), BFloat16.FromBytes(stored[path + ".biases"].Bytes));
                    break;
                default:
                    weights[name] = BFloat16.FromBytes(tensor.Bytes);
                    break;
            }
        }
        return (weights, TokenizerFile.Read(Path.Combine(folder, "tokenizer.json")));
    }

    private static IEnumerable<KeyValuePair<string, StoredTensor>> Quantized(string name, long[] shape, float[] weights)
    {
        var path = name[..^".weight".Length];
        var (codes, scales, biases) = AffineQuantizer.Quantize(weights);
        long[] perGroup = [shape[0], shape[1] / AffineQuantizer.GroupSize];
        yield return KeyValuePair.Create(name, new StoredTensor("U32", [shape[0], shape[1] * AffineQuantizer.Bits / 32], codes));
        yield return KeyValuePair.Create(path + ".scales", new StoredTensor("BF16", perGroup, BFloat16.ToBytes(scales)));
        yield return KeyValuePair.Create(path + ".biases", new StoredTensor("BF16", perGroup, BFloat16.ToBytes(biases)));
    }

    private static void WriteJson(string folder, string name, JsonObject value) => File.WriteAllText(Path.Combine(folder, name), value.ToJsonString(Readable) + "\n");
}
