using System.Text.Json.Nodes;
using Exo.Sdk.Models;

namespace Exo.Sdk.Tests.Models;

/// <summary>A sound model folder of one layer in the making, for tests to bend: its configuration, and its tensors filled with zeros.</summary>
internal sealed class TinyModel
{
    public const int Hidden = 64;
    public const int Intermediate = 128;
    public const int Vocabulary = 16;
    public const int QueryHeads = 4;
    public const int KeyValueHeads = 2;
    public const int HeadSize = 16;

    private static readonly Dictionary<string, int> SizeOf = new() { ["F32"] = 4, ["F16"] = 2, ["BF16"] = 2, ["U32"] = 4, ["I64"] = 8, ["F8_E4M3"] = 1, ["U8"] = 1 };

    private TinyModel(JsonObject config) => Config = config;

    public JsonObject Config { get; }

    public SortedDictionary<string, (string Type, int[] Shape)> Tensors { get; } = new(StringComparer.Ordinal);

    public static TinyModel Of(string architecture)
    {
        TinyModel model = new(new JsonObject
        {
            ["architectures"] = new JsonArray(architecture),
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Intermediate,
            ["vocab_size"] = Vocabulary,
            ["num_hidden_layers"] = 1,
            ["num_attention_heads"] = QueryHeads,
            ["num_key_value_heads"] = KeyValueHeads,
            ["head_dim"] = HeadSize,
            ["max_position_embeddings"] = 256,
            ["rms_norm_eps"] = 1e-5,
            ["bos_token_id"] = 1,
            ["eos_token_id"] = 2,
        });
        model.Add("model.embed_tokens.weight", Vocabulary, Hidden);
        model.Add("model.norm.weight", Hidden);
        model.Add("lm_head.weight", Vocabulary, Hidden);
        model.AddLayer(0);
        if (architecture == "Qwen2ForCausalLM")
        {
            model.AddBiases("q_proj", "k_proj", "v_proj");
        }

        if (architecture == "Qwen3ForCausalLM")
        {
            model.Add("model.layers.0.self_attn.q_norm.weight", HeadSize);
            model.Add("model.layers.0.self_attn.k_norm.weight", HeadSize);
        }

        return model;
    }

    public TinyModel Set(string name, JsonNode? value)
    {
        Config[name] = value;
        return this;
    }

    public TinyModel Remove(string name)
    {
        Config.Remove(name);
        return this;
    }

    public TinyModel Add(string tensor, params int[] shape) => Add(tensor, "F32", shape);

    public TinyModel Add(string tensor, string type, params int[] shape)
    {
        Tensors[tensor] = (type, shape);
        return this;
    }

    public TinyModel Drop(string tensor)
    {
        Tensors.Remove(tensor).Should().BeTrue();
        return this;
    }

    public TinyModel AddLayer(int layer)
    {
        string path = $"model.layers.{layer}";
        Add($"{path}.input_layernorm.weight", Hidden);
        Add($"{path}.post_attention_layernorm.weight", Hidden);
        Add($"{path}.self_attn.q_proj.weight", QueryHeads * HeadSize, Hidden);
        Add($"{path}.self_attn.k_proj.weight", KeyValueHeads * HeadSize, Hidden);
        Add($"{path}.self_attn.v_proj.weight", KeyValueHeads * HeadSize, Hidden);
        Add($"{path}.self_attn.o_proj.weight", Hidden, QueryHeads * HeadSize);
        Add($"{path}.mlp.gate_proj.weight", Intermediate, Hidden);
        Add($"{path}.mlp.up_proj.weight", Intermediate, Hidden);
        return Add($"{path}.mlp.down_proj.weight", Hidden, Intermediate);
    }

    /// <summary>Adds biases to matrices of the first layer.</summary>
    public TinyModel AddBiases(params string[] names)
    {
        foreach (string name in names)
        {
            string path = Tensors.Keys.Single(key => key.StartsWith("model.layers.0.", StringComparison.Ordinal) && key.EndsWith($".{name}.weight", StringComparison.Ordinal));
            Add(path.Replace(".weight", ".bias", StringComparison.Ordinal), Tensors[path].Shape[0]);
        }

        return this;
    }

    /// <summary>Packs one matrix as MLX does.</summary>
    public TinyModel Pack(string path, int bits, int groupSize, string scales = "F16")
    {
        int[] shape = Tensors[path + ".weight"].Shape;
        Add(path + ".weight", "U32", shape[0], shape[1] * bits / 32);
        Add(path + ".scales", scales, shape[0], shape[1] / groupSize);
        return Add(path + ".biases", scales, shape[0], shape[1] / groupSize);
    }

    /// <summary>Packs one matrix in a floating-point mode: scale bytes, no group biases.</summary>
    public TinyModel PackFloats(string path, int bits, int groupSize)
    {
        int[] shape = Tensors[path + ".weight"].Shape;
        Add(path + ".weight", "U32", shape[0], shape[1] * bits / 32);
        return Add(path + ".scales", "U8", shape[0], shape[1] / groupSize);
    }

    /// <summary>Packs every matrix and says so in the configuration.</summary>
    public TinyModel PackAll(int bits, int groupSize, string? mode = null)
    {
        foreach (string name in Tensors.Keys.Where(name => Tensors[name].Shape.Length == 2).ToArray())
        {
            string path = name[..^".weight".Length];
            _ = mode is null or "affine" ? Pack(path, bits, groupSize) : PackFloats(path, bits, groupSize);
        }

        JsonObject settings = new() { ["group_size"] = groupSize, ["bits"] = bits };
        if (mode is not null)
        {
            settings["mode"] = mode;
        }

        return Set("quantization", settings);
    }

    public byte[] Weights() => Safetensors.Of(
        [.. Tensors.Select(tensor => (tensor.Key, tensor.Value.Type, tensor.Value.Shape, new byte[tensor.Value.Shape.Aggregate(SizeOf[tensor.Value.Type], (product, size) => product * size)]))]);

    public TemporaryFolder Write() => new TemporaryFolder().With("config.json", Config.ToJsonString()).With("model.safetensors", Weights());

    public ModelSpec Read()
    {
        using TemporaryFolder folder = Write();
        return ReadFrom(folder);
    }

    public static ModelSpec ReadFrom(TemporaryFolder folder)
    {
        using WeightSource weights = SafetensorsWeightSource.Open(folder.Path);
        return ModelSpecReader.Read(folder.Path, weights);
    }
}
