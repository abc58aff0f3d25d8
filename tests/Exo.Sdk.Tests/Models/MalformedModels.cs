using System.Text;
using System.Text.Json.Nodes;

namespace Exo.Sdk.Tests.Models;

/// <summary>A way to damage a model folder.</summary>
/// <param name="File">The file that the error must name.</param>
/// <param name="Expected">What the error must say was expected (a wildcard pattern).</param>
/// <param name="Found">What the error must say was found (a wildcard pattern).</param>
/// <param name="Build">Writes the folder.</param>
internal sealed record MalformedModel(string File, string Expected, string Found, Func<TemporaryFolder> Build);

/// <summary>The catalog of damaged and hostile model folders.</summary>
internal static class MalformedModels
{
    private const string Weights = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private const string Config = "config.json";

    private static readonly byte[] Sound = Safetensors.Of(("a", "U8", [1], [1]));

    public static IReadOnlyDictionary<string, MalformedModel> All { get; } = Headers().Concat(Folders()).Concat(Configurations()).Concat(Fits())
        .ToDictionary(entry => entry.Name, entry => entry.Model);

    private static IEnumerable<(string Name, MalformedModel Model)> Headers()
    {
        const string Sixteen = """{"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}}""";
        yield return File("empty file", "at least 1 byte", "0", []);
        yield return File("file of seven bytes", "at least 8 bytes", "7", new byte[7]);
        yield return File("header longer than the file", "at most 57 bytes", "58", Safetensors.Raw(58, new byte[57]));
        yield return File("header of 2^64 - 1 bytes", "at most 10 bytes", "18446744073709551615", Safetensors.Raw(ulong.MaxValue, new byte[10]));
        yield return File("header of 2^63 bytes", "at most 10 bytes", "9223372036854775808", Safetensors.Raw(1UL << 63, new byte[10]));
        yield return ("header over 100 MB", new(Weights, "at most 100000000 bytes", "100000001", () =>
        {
            TemporaryFolder folder = new TemporaryFolder().With(Weights, Safetensors.Raw(100_000_001, []));
            using FileStream file = System.IO.File.OpenWrite(folder[Weights]);
            file.SetLength(200_000_000); // A hole: takes no disk.
            return folder;
        }));
        yield return File("empty header", "'{'", "an empty header", Safetensors.Raw(""));
        yield return Header("header that is a list", "'{'", "byte 0x5b", """["a"]""");
        yield return File("header that is not UTF-8", "UTF-8", "byte 0xff", Safetensors.Raw(4, [(byte)'{', (byte)'"', 0xff, (byte)'}']));
        yield return Header("header cut off", "well-formed JSON", "*", """{"a":{"dtype":"U8","shape":[1]""");
        yield return Header("text after the header's object", "well-formed JSON", "*", """{}x""");
        yield return Header("metadata nested too deeply", "well-formed JSON", "*maximum*depth*", $$"""{"__metadata__":{{new string('[', 100)}}{{new string(']', 100)}}}""");
        yield return Header("tensor twice", "each name once", "a second one", Sixteen[..^1] + "," + Sixteen[1..], 16);
        yield return Header("metadata twice", "each name once", "a second one", """{"__metadata__":{},"__metadata__":{}}""");
        yield return Header("tensor's type twice", "it once", "a second one", """{"a":{"dtype":"U8","dtype":"F32","shape":[4],"data_offsets":[0,4]}}""", 4);
        yield return Header("tensor that is a number", "an object", "'7'", """{"a":7}""");
        yield return Header("tensor without range", "data_offsets", "none", """{"a":{"dtype":"U8","shape":[1]}}""", 1);
        yield return Header("tensor without type", "dtype", "none", """{"a":{"shape":[1],"data_offsets":[0,1]}}""", 1);
        yield return Header("name with half a surrogate pair", "valid escapes", "half a surrogate pair", """{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1);
        yield return Header("field with half a surrogate pair", "valid escapes", "half a surrogate pair", """{"a":{"\udfff":0,"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1);
        yield return Header("unknown type", "F32, F16, BF16,*", "'F31'", """{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}""", 4);
        yield return Header("type that is a number", "a string", "'32'", """{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}""", 4);
        yield return Header("negative dimension", "a whole number 0…2147483647", "'-1'", """{"a":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}""", 1);
        yield return Header("fractional dimension", "a whole number *", "'1.5'", """{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}""", 1);
        yield return Header("dimension beyond 32 bits", "a whole number *", "'4294967296'", """{"a":{"dtype":"U8","shape":[4294967296],"data_offsets":[0,4294967296]}}""");
        yield return Header(
            "shape whose size wraps around", "a shape that fits a file", "0 bytes for Float32 [[]1073741824, 1073741824, 16*",
            """{"a":{"dtype":"F32","shape":[1073741824,1073741824,16],"data_offsets":[0,0]}}""");
        yield return Header("shape of nine dimensions", "at most 8", "more", """{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}""", 1);
        yield return Header("range shorter than the shape", "16 bytes", "15 bytes for Float32 [[]2, 2[]]", """{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,15]}}""", 15);
        yield return Header("range that runs backwards", "an end of at least 4", "0", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", 4);
        yield return Header("negative offset", "a whole number 0…9223372036854775807", "'-4'", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}""", 4);
        yield return Header("offset beyond 64 bits", "a whole number *", "'18446744073709551616'", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}}""", 1);
        yield return Header(
            "offset that wraps around", "at most 9223372036854775*", "9223372036854775807",
            """{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775806,9223372036854775807]}}""", 1);
        yield return Header("three offsets", "two offsets", "'2'", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}""", 1);
        yield return Header("one offset", "a whole number *", "EndArray", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", 1);
        yield return Header("range beyond the file", "at most 15 bytes of data", "16", Sixteen, 15);
        yield return Header("bytes after the last tensor", "a file of 79 bytes", "80", Sixteen, 17);
        yield return Header(
            "overlapping tensors", "its data to begin at 4", "2", """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}""", 6);
        yield return Header(
            "hole between tensors", "its data to begin at 1", "2", """{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 3);
        yield return Header("hole before the first tensor", "its data to begin at 0", "8", """{"a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}""", 9);
    }

    private static IEnumerable<(string Name, MalformedModel Model)> Folders()
    {
        yield return ("no weights", new("", "model.safetensors or *", "no safetensors file", () => new TemporaryFolder().With(Config, "{}")));
        yield return ("weights that are a folder", new("", "model.safetensors or *", "no safetensors file", () =>
        {
            TemporaryFolder folder = new();
            Directory.CreateDirectory(folder[Weights]);
            return folder;
        }));
        yield return ("two weight files without an index", new(
            "", "model.safetensors or *", "2 safetensors files without an index", () => new TemporaryFolder().With("a.safetensors", Sound).With("b.safetensors", Sound)));
        yield return Indexed("index that is no JSON", "well-formed JSON", "*", "{");
        yield return Indexed("index that is a list", "an object", "StartArray", "[]");
        yield return Indexed("index without a map", "entries", "none", """{"metadata":{}}""");
        yield return Indexed("index with an empty map", "entries", "none", """{"weight_map":{}}""");
        yield return Indexed("index whose map is a list", "an object", "StartArray", """{"weight_map":[]}""");
        yield return Indexed("index with two maps", "it once", "a second one", """{"weight_map":{"a":"w.safetensors"},"weight_map":{}}""");
        yield return Indexed("index that names a tensor twice", "it once", "a second one", """{"weight_map":{"a":"w.safetensors","a":"w.safetensors"}}""");
        yield return Indexed("index with a number for a file", "a string", "Number", """{"weight_map":{"a":1}}""");
        yield return Indexed("index with half a surrogate pair", "valid escapes", "half a surrogate pair", """{"weight_map":{"a":"\udc00.safetensors"}}""");
        yield return Indexed("index that names a missing file", "the file 'gone.safetensors'", "none", """{"weight_map":{"a":"gone.safetensors"}}""");
        foreach (string outside in new[] { "../w.safetensors", "/etc/w.safetensors", "x/../../w.safetensors", "..", "C:w.safetensors", "..\\\\w.safetensors", "w.bin", "w.safetensors\\u0000" })
        {
            yield return Indexed($"index that leads to {outside}", "a plain [*].safetensors name", "'*'", $$$"""{"weight_map":{"a":"{{{outside}}}"}}""");
        }

        yield return Indexed("index of a tensor that is nowhere", "w.safetensors", "it in none", """{"weight_map":{"a":"w.safetensors","b":"w.safetensors"}}""");
        yield return Indexed(
            "index of a tensor that is elsewhere", "v.safetensors", "w.safetensors", """{"weight_map":{"a":"v.safetensors","b":"w.safetensors","v":"v.safetensors"}}""",
            folder => folder.With("v.safetensors", Safetensors.Of(("v", "U8", [1], [1]))).With("w.safetensors", Safetensors.Of(("a", "U8", [1], [1]), ("b", "U8", [1], [1]))));
        yield return ("tensor in two files", new(
            "w.safetensors", "it once", "it in v.safetensors too", () => new TemporaryFolder().With("v.safetensors", Sound).With("w.safetensors", Sound)
                .With(Index, """{"weight_map":{"a":"v.safetensors","b":"w.safetensors"}}""")));
    }

    private static IEnumerable<(string Name, MalformedModel Model)> Configurations()
    {
        yield return ("no config.json", new(Config, "a file", "none", () => new TemporaryFolder().With(Weights, Sound)));
        yield return Text("empty config.json", "at least 1 byte", "0", "");
        yield return Text("config.json cut off", "well-formed JSON", "*", """{"hidden_size":""");
        yield return Text("config.json with NaN", "well-formed JSON", "*", """{"rms_norm_eps":NaN}""");
        yield return Text("config.json that is a list", "an object", "Array", "[]");
        yield return Text("config.json with a name twice", "well-formed JSON", "*Duplicate*", """{"hidden_size":64,"hidden_size":65}""");
        yield return Text("config.json nested too deeply", "well-formed JSON", "*depth*", new string('[', 1000));
        yield return Text("config.json with half a surrogate pair", "valid escapes", "half a surrogate pair", """{"model_type":"\ud800"}""");
        yield return ("config.json that is not UTF-8", new(Config, "UTF-8", "byte 0xc3", () => new TemporaryFolder().With(Weights, Sound).With(Config, [(byte)'{', 0xc3])));
        yield return ("config.json of 17 MB", new(Config, "at most 16777216 bytes", "17825792", () =>
        {
            TemporaryFolder folder = new TemporaryFolder().With(Weights, Sound).With(Config, "{");
            using FileStream file = System.IO.File.OpenWrite(folder[Config]);
            file.SetLength(17 << 20);
            return folder;
        }));
        yield return ("broken generation_config.json", new(
            "generation_config.json", "well-formed JSON", "*", () => TinyModel.Of("LlamaForCausalLM").Write().With("generation_config.json", "{")));
        yield return Setting("no architecture", "a list that names*", "none", "architectures", "null");
        yield return Setting("architecture that is a number", "a list of strings", "'7'", "architectures", "7");
        yield return Setting("missing size", "a whole number 1…1048576", "none", "hidden_size", "null");
        yield return Setting("size of nothing", "a whole number 1…1048576", "'0'", "hidden_size", "0");
        yield return Setting("negative size", "a whole number *", "'-64'", "intermediate_size", "-64");
        yield return Setting("size that is a text", "a whole number *", "'\"64\"'", "vocab_size", "\"64\"");
        yield return Setting("size beyond any model", "a whole number 1…4096", "'2000000000'", "num_hidden_layers", "2000000000");
        yield return Setting("size beyond 32 bits", "a whole number *", "'99999999999'", "num_attention_heads", "99999999999");
        yield return Setting("size that is a list", "a whole number *", "'[[]64[]]'", "hidden_size", "[64]");
        yield return Setting("key-value heads that do not divide", "a divisor of num_attention_heads, 4", "3", "num_key_value_heads", "3");
        yield return Setting("odd head size", "an even number*", "15", "head_dim", "15");
        yield return ("heads that do not divide the hidden size", new(
            Config, "a multiple of num_attention_heads, 5*", "64", () => TinyModel.Of("LlamaForCausalLM").Remove("head_dim").Set("num_attention_heads", 5).Set("num_key_value_heads", 5).Write()));
        yield return Setting("epsilon of zero", "a number *…1", "'0'", "rms_norm_eps", "0");
        yield return Setting("epsilon beyond double precision", "a number *…1", "'1e999'", "rms_norm_eps", "1e999");
        yield return Setting("negative rope base", "a number 1…*", "'-1'", "rope_theta", "-1");
        yield return Setting("rope scaling that is a text", "an object", "'\"linear\"'", "rope_scaling", "\"linear\"");
        yield return Setting("rope scaling without a factor", "a number *", "none", "rope_scaling", """{"type":"linear"}""");
        yield return Setting(
            "rope scaling that divides by zero", "more than low_freq_factor, 4", "4", "rope_scaling",
            """{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":64}""");
        yield return Setting("tied to a text", "true or false", "'\"yes\"'", "tie_word_embeddings", "\"yes\"");
        yield return Setting("begin token outside the vocabulary", "a whole number 0…15", "'16'", "bos_token_id", "16");
        yield return Setting("end token outside the vocabulary", "a whole number 0…15", "'-1'", "eos_token_id", "[2,-1]");
        yield return Setting("quantization that is a number", "an object", "'4'", "quantization", "4");
        yield return ("fewer kinds of layers than layers", new(Config, "1 entries", "2", () => TinyModel.Of("Qwen3ForCausalLM").Set("use_sliding_window", true)
            .Set("layer_types", new JsonArray("full_attention", "full_attention")).Write()));
    }

    private static IEnumerable<(string Name, MalformedModel Model)> Fits()
    {
        const string Down = "model.layers.0.mlp.down_proj";
        yield return Fit("missing weight", $"{Down}.weight", "11 others", model => model.Drop($"{Down}.weight"));
        yield return Fit("missing norm", "model.norm.weight", "11 others", model => model.Drop("model.norm.weight"));
        yield return Fit("fewer layers than stated", "model.layers.1.input_layernorm.weight", "12 others", model => model.Set("num_hidden_layers", 2));
        yield return Fit("missing bias", "model.layers.0.self_attn.q_proj.bias", "12 others", model => model.Set("attention_bias", true));
        yield return Fit("transposed weight", "[[]64, 128[]]", "[[]128, 64[]]", model => model.Add($"{Down}.weight", 128, 64));
        yield return Fit("weight of one dimension", "[[]16, 64[]]", "[[]1024[]]", model => model.Add("lm_head.weight", 1024));
        yield return Fit("norm of another size", "[[]64[]]", "[[]63[]]", model => model.Add("model.norm.weight", 63));
        yield return Fit("bias of another size", "[[]64[]]", "[[]32[]]", model => model.Set("attention_bias", true).AddBiases("k_proj").Add("model.layers.0.self_attn.q_proj.bias", 32));
        yield return Fit("weight of integers", "F32, F16, BF16", "Int64", model => model.Add("lm_head.weight", "I64", 16, 64));
        yield return Fit("embedding that is larger than the vocabulary", "[[]16, 64[]]", "[[]17, 64[]]", model => model.Add("model.embed_tokens.weight", 17, 64));
        yield return ("missing head", new(Config, "the tensor lm_head.weight*", "neither", () => TinyModel.Of("LlamaForCausalLM").Drop("lm_head.weight").Write()));

        yield return Fit("packed weight without settings", "F32, F16, BF16", "UInt32*", model => model.PackAll(4, 64).Remove("quantization"));
        yield return Fit("packed weight that the settings except", "F32, F16, BF16", "UInt32*", model => Override(model.PackAll(4, 64), Down, false));
        yield return Fit("packed with other bits than stated", "[[]16, 16[]]", "[[]16, 8[]]", model => Override(model.PackAll(4, 64), "model.embed_tokens", new JsonObject { ["bits"] = 8 }));
        yield return Fit("scales of another group size", "[[]16, 1[]]", "[[]16, 2[]]", model => model.PackAll(4, 64).Add("model.embed_tokens.scales", "F16", 16, 2));
        yield return Fit("missing group biases", "lm_head.biases", "29 others", model => model.PackAll(4, 64).Drop("lm_head.biases"));
        yield return Fit("group biases of another type", "Float16", "Float32", model => model.PackAll(4, 64).Add("lm_head.biases", 16, 1));
        yield return Fit("scale bytes of another type", "UInt8", "Float16", model => model.PackAll(4, 32, "mxfp4").Add("lm_head.scales", "F16", 16, 2));
        yield return Fit("scale bytes of another group size", "[[]16, 4[]]", "[[]16, 2[]]", model => model.PackAll(4, 16, "nvfp4").Add("lm_head.scales", "U8", 16, 2));
        yield return Fit("group biases in a mode without them", "no such tensor", "one", model => model.PackAll(8, 32, "mxfp8").Add("lm_head.biases", "F16", 16, 2));
        yield return Fit("plain weight with scales", "UInt32", "Float32", model => model.PackAll(4, 64).Add("lm_head.weight", 16, 64));
        yield return Fit("inputs that are no whole groups", "a multiple of 128", "64", model => model.PackAll(4, 64).Set("quantization", new JsonObject { ["bits"] = 4, ["group_size"] = 128 }));
        yield return ("override that is a number", new(Config, "an object, true or false", "Number", () => Override(TinyModel.Of("LlamaForCausalLM").PackAll(4, 64), Down, 4).Write()));
        yield return ("bits that are a text", new(Config, "a whole number *", "'\"four\"'", () => Override(TinyModel.Of("LlamaForCausalLM").PackAll(4, 64), "bits", "four").Write()));
        yield return ("settings without a group size", new(
            Config, "a whole number *", "none", () => TinyModel.Of("LlamaForCausalLM").PackAll(4, 64).Set("quantization", new JsonObject { ["bits"] = 4 }).Write()));
    }

    private static TinyModel Override(TinyModel model, string path, JsonNode value)
    {
        model.Config["quantization"]![path] = value;
        return model;
    }

    private static (string Name, MalformedModel Model) File(string name, string expected, string found, byte[] weights) =>
        (name, new(Weights, expected, found, () => new TemporaryFolder().With(Config, "{}").With(Weights, weights)));

    private static (string Name, MalformedModel Model) Header(string name, string expected, string found, string header, int dataBytes = 0) =>
        File(name, expected, found, Safetensors.Raw((ulong)Encoding.UTF8.GetByteCount(header), Encoding.UTF8.GetBytes(header), new byte[dataBytes]));

    private static (string Name, MalformedModel Model) Indexed(
        string name, string expected, string found, string index, Func<TemporaryFolder, TemporaryFolder>? also = null) =>
        (name, new(Index, expected, found, () => (also ?? (folder => folder))(new TemporaryFolder().With("w.safetensors", Sound).With(Index, index))));

    private static (string Name, MalformedModel Model) Text(string name, string expected, string found, string config) =>
        (name, new(Config, expected, found, () => new TemporaryFolder().With(Weights, Sound).With(Config, config)));

    private static (string Name, MalformedModel Model) Setting(string name, string expected, string found, string setting, string value) =>
        (name, new(Config, expected, found, () =>
        {
            // As text, because a JSON tree would not take every value.
            string config = TinyModel.Of("LlamaForCausalLM").Remove(setting).Config.ToJsonString();
            return TinyModel.Of("LlamaForCausalLM").Write().With(Config, $$"""{"{{setting}}":{{value}},{{config[1..]}}""");
        }));

    private static (string Name, MalformedModel Model) Fit(string name, string expected, string found, Func<TinyModel, TinyModel> bend) =>
        (name, new(Weights, expected, found, () => bend(TinyModel.Of("LlamaForCausalLM")).Write()));
}
