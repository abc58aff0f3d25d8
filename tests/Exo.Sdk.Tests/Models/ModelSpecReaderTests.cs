using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Models;

public sealed class ModelSpecReaderTests
{
    public static TheoryData<string> Golden => new(GoldenModels.Names);

    [Theory]
    [MemberData(nameof(Golden))]
    public void Reads_every_golden_model(string name)
    {
        string folder = GoldenModels.PathOf(name);
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        using SafetensorsWeightSource weights = SafetensorsWeightSource.Open(folder);

        ModelSpec spec = ModelSpecReader.Read(folder, weights);

        spec.Family.Should().Be(name.Split('-')[0]);
        spec.Architecture.Should().Be(config.RootElement.GetProperty("architectures")[0].GetString());
        spec.Layers.Should().HaveCount(config.RootElement.GetProperty("num_hidden_layers").GetInt32());
        spec.IsHeadTied.Should().Be(config.RootElement.GetProperty("tie_word_embeddings").GetBoolean());
        (spec.Embedding.Quantization is not null).Should().Be(name.Contains("mlx", StringComparison.Ordinal));
        weights.BytesRead.Should().Be(0, "only headers are needed");

        // The spec accounts for every stored byte, but for tensors that are no weights.
        long linears = AllLinears(spec).Sum(linear => LinearSlices.Whole(linear).ByteCount);
        long norms = spec.Layers.SelectMany(layer => layer.Norms).Append(spec.FinalNorm).Sum(norm => StoredBytes(weights, norm.WeightName));
        long stored = weights.Names.Where(stored => !stored.EndsWith("inv_freq", StringComparison.Ordinal)).Sum(stored => StoredBytes(weights, stored));
        (linears + norms).Should().Be(stored);
    }

    [Fact]
    public void Lists_the_architectures_it_knows()
    {
        ModelSpecReader.Architectures.Should().Equal("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM");
    }

    [Fact]
    public void Llama_reads_top_to_bottom()
    {
        ModelSpec spec = TinyModel.Of("LlamaForCausalLM").Read();

        (spec.HiddenSize, spec.FeedForward().ChannelCount, spec.VocabularySize, spec.MaxContextLength).Should().Be((64, 128, 16, 256));
        spec.Norms.Should().OnlyContain(norm => norm.Epsilon == 1e-5f);
        HeadsOf(spec).Should().Be((4, 2, 16, null));
        spec.Attention().Rope.Should().Be(new RopeSpec(10_000));
        spec.Embedding.Split.Should().Be(SplitRule.Column(SplitUnit.Token));
        spec.Head.Path.Should().Be("lm_head");
        spec.FinalNorm.Should().Be(new NormSpec("model.norm.weight", 64, 1e-5f));
        (spec.BeginToken, spec.EndTokens.Single()).Should().Be((1, 2));
        LayerSpec layer = spec.Layers.Single();
        layer.Linears.Select(linear => (linear.Path["model.layers.0.".Length..], linear.InputSize, linear.OutputSize, linear.Split)).Should().Equal(
            ("self_attn.q_proj", 64, 64, SplitRule.Column(SplitUnit.QueryHead, 16)),
            ("self_attn.k_proj", 64, 32, SplitRule.Column(SplitUnit.KeyValueHead, 16)),
            ("self_attn.v_proj", 64, 32, SplitRule.Column(SplitUnit.KeyValueHead, 16)),
            ("self_attn.o_proj", 64, 64, SplitRule.Row(SplitUnit.QueryHead, 16)),
            ("mlp.gate_proj", 64, 128, SplitRule.Column(SplitUnit.Channel)),
            ("mlp.up_proj", 64, 128, SplitRule.Column(SplitUnit.Channel)),
            ("mlp.down_proj", 128, 64, SplitRule.Row(SplitUnit.Channel)));
        layer.Linears.Should().OnlyContain(linear => !linear.HasBias && linear.Quantization == null);
        layer.Norms.Select(norm => norm.WeightName).Should().Equal("model.layers.0.input_layernorm.weight", "model.layers.0.post_attention_layernorm.weight");
    }

    [Fact]
    public void Llama_has_biases_where_it_says_so()
    {
        LayerSpec attention = TinyModel.Of("LlamaForCausalLM").Set("attention_bias", true)
            .AddBiases("q_proj", "k_proj", "v_proj", "o_proj").Read().Layers[0];
        LayerSpec feedForward = TinyModel.Of("LlamaForCausalLM").Set("mlp_bias", true)
            .AddBiases("gate_proj", "up_proj", "down_proj").Read().Layers[0];

        attention.Linears.Select(linear => linear.HasBias).Should().Equal(true, true, true, true, false, false, false);
        feedForward.Linears.Select(linear => linear.HasBias).Should().Equal(false, false, false, false, true, true, true);
    }

    [Fact]
    public void Llama_of_early_2023_leaves_much_to_defaults()
    {
        TinyModel model = TinyModel.Of("LlamaForCausalLM").Remove("num_key_value_heads").Remove("head_dim").Remove("rms_norm_eps");
        foreach (string name in new[] { "k_proj", "v_proj" })
        {
            model.Add($"model.layers.0.self_attn.{name}.weight", TinyModel.Hidden, TinyModel.Hidden);
        }

        ModelSpec spec = model.Read();

        HeadsOf(spec).Should().Be((4, 4, 16, null));
        spec.Norms.Should().OnlyContain(norm => norm.Epsilon == 1e-6f);
    }

    [Theory]
    [InlineData("null", null)]
    [InlineData("7", 7)]
    [InlineData(null, 4096)]
    public void Mistral_has_the_window_it_states(string? stated, int? window)
    {
        TinyModel model = TinyModel.Of("MistralForCausalLM");
        if (stated is not null)
        {
            model.Set("sliding_window", JsonNode.Parse(stated));
        }

        model.Read().Attention().SlidingWindow.Should().Be(window);
    }

    [Theory]
    [InlineData("""{}""", null)]
    [InlineData("""{"sliding_window":8}""", null)]
    [InlineData("""{"sliding_window":8,"use_sliding_window":true,"max_window_layers":0}""", 8)]
    [InlineData("""{"sliding_window":8,"use_sliding_window":true,"max_window_layers":1}""", null)]
    [InlineData("""{"sliding_window":8,"use_sliding_window":true}""", null)]
    [InlineData("""{"sliding_window":null,"use_sliding_window":true,"max_window_layers":0}""", null)]
    [InlineData("""{"sliding_window":8,"use_sliding_window":true,"layer_types":["sliding_attention"]}""", 8)]
    [InlineData("""{"sliding_window":8,"use_sliding_window":true,"layer_types":["full_attention"],"max_window_layers":0}""", null)]
    public void Qwen_has_a_window_only_where_it_is_switched_on(string settings, int? window)
    {
        foreach (string architecture in new[] { "Qwen2ForCausalLM", "Qwen3ForCausalLM" })
        {
            Merge(TinyModel.Of(architecture), settings).Read().Attention().SlidingWindow.Should().Be(window);
        }
    }

    [Fact]
    public void Qwen2_has_biases_on_queries_keys_and_values()
    {
        LayerSpec layer = TinyModel.Of("Qwen2ForCausalLM").Read().Layers[0];

        layer.Linears.Select(linear => linear.HasBias).Should().Equal(true, true, true, false, false, false, false);
    }

    [Fact]
    public void Qwen3_norms_queries_and_keys_and_has_wide_heads()
    {
        ModelSpec spec = TinyModel.Of("Qwen3ForCausalLM").Read();
        TinyModel wide = TinyModel.Of("Qwen3ForCausalLM").Remove("head_dim")
            .Add("model.layers.0.self_attn.q_proj.weight", 4 * 128, 64).Add("model.layers.0.self_attn.k_proj.weight", 2 * 128, 64)
            .Add("model.layers.0.self_attn.v_proj.weight", 2 * 128, 64).Add("model.layers.0.self_attn.o_proj.weight", 64, 4 * 128)
            .Add("model.layers.0.self_attn.q_norm.weight", 128).Add("model.layers.0.self_attn.k_norm.weight", 128);

        spec.Attention().QueryNorm.Should().Be(new NormSpec("model.layers.0.self_attn.q_norm.weight", 16, 1e-5f));
        spec.Attention().KeyNorm.Should().Be(new NormSpec("model.layers.0.self_attn.k_norm.weight", 16, 1e-5f));
        wide.Read().Attention().HeadSize.Should().Be(128);
    }

    [Theory]
    [InlineData("""{"rope_theta":500000}""", "RopeSpec { Theta = 500000, Scaling =  }")]
    [InlineData("""{"rope_theta":5e5,"rope_scaling":{"type":"linear","factor":4}}""", "RopeSpec { Theta = 500000, Scaling = LinearRopeScaling { Factor = 4 } }")]
    [InlineData("""{"rope_scaling":{"rope_type":"default"}}""", "RopeSpec { Theta = 10000, Scaling =  }")]
    [InlineData("""{"rope_parameters":{"rope_type":"default","rope_theta":1000000}}""", "RopeSpec { Theta = 1000000, Scaling =  }")]
    [InlineData("""{"rope_parameters":{"rope_type":"linear","factor":2.5},"rope_theta":77}""", "RopeSpec { Theta = 77, Scaling = LinearRopeScaling { Factor = 2.5 } }")]
    [InlineData(
        """{"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}}""",
        "RopeSpec { Theta = 10000, Scaling = Llama3RopeScaling { Factor = 8, LowFrequencyFactor = 1, HighFrequencyFactor = 4, OriginalContextLength = 8192 } }")]
    [InlineData(
        """{"rope_parameters":{"rope_type":"llama3","rope_theta":5e5,"factor":32,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}}""",
        "RopeSpec { Theta = 500000, Scaling = Llama3RopeScaling { Factor = 32, LowFrequencyFactor = 1, HighFrequencyFactor = 4, OriginalContextLength = 8192 } }")]
    public void Rope_is_read_in_both_forms(string settings, string expected)
    {
        RopeSpec rope = Merge(TinyModel.Of("LlamaForCausalLM"), settings).Read().Attention().Rope!;
        Regex.Replace(rope.ToString(), "Kind = [^,}]*, |, Kind = [^,}]*?(?= })", "").Should().Be(expected);
    }

    [Fact]
    public void A_tied_head_is_the_embedding_even_where_another_is_stored()
    {
        TinyModel model = TinyModel.Of("LlamaForCausalLM").Set("tie_word_embeddings", true);

        model.Read().Head.Path.Should().Be("model.embed_tokens");
        model.Drop("lm_head.weight").Read().IsHeadTied.Should().BeTrue();
    }

    [Theory]
    [InlineData("""{"eos_token_id":[3,4,3]}""", null, new[] { 3, 4 })]
    [InlineData("""{"eos_token_id":null}""", null, new int[0])]
    [InlineData("""{"eos_token_id":3}""", """{"eos_token_id":[5,6]}""", new[] { 5, 6 })]
    [InlineData("""{"eos_token_id":3}""", """{"temperature":0.6}""", new[] { 3 })]
    public void End_tokens_of_the_generation_configuration_win(string settings, string? generation, int[] expected)
    {
        using TemporaryFolder folder = Merge(TinyModel.Of("LlamaForCausalLM"), settings).Write();
        if (generation is not null)
        {
            folder.With("generation_config.json", generation);
        }

        TinyModel.ReadFrom(folder).EndTokens.Should().Equal(expected);
    }

    [Fact]
    public void The_begin_token_may_stand_in_the_generation_configuration()
    {
        using TemporaryFolder folder = TinyModel.Of("LlamaForCausalLM").Set("bos_token_id", null).Write().With("generation_config.json", """{"bos_token_id":7}""");

        TinyModel.ReadFrom(folder).BeginToken.Should().Be(7);
    }

    [Theory]
    [InlineData(4, 32)]
    [InlineData(4, 64)]
    [InlineData(8, 32)]
    [InlineData(8, 64)]
    public void Packed_matrices_are_known_by_their_scales(int bits, int groupSize)
    {
        ModelSpec spec = TinyModel.Of("Qwen2ForCausalLM").PackAll(bits, groupSize).Read();

        AllLinears(spec).Should().OnlyContain(linear => linear.Quantization == new QuantizationSpec(bits, groupSize, QuantizationFormat.Affine));
        AllLinears(spec).Should().OnlyContain(linear => linear.StoredType == ElementType.Float16);
    }

    [Fact]
    public void Overrides_by_path_hold_for_their_matrix()
    {
        TinyModel model = TinyModel.Of("LlamaForCausalLM").Pack("model.layers.0.mlp.up_proj", 4, 64).Pack("model.layers.0.mlp.down_proj", 8, 32)
            .Pack("model.layers.0.mlp.gate_proj", 4, 64, "BF16").Pack("lm_head", 4, 64);
        model.Set("quantization_config", new JsonObject
        {
            ["bits"] = 4,
            ["group_size"] = 64,
            ["mode"] = "affine",
            ["model.layers.0.mlp.up_proj"] = true,
            ["model.layers.0.mlp.down_proj"] = new JsonObject { ["bits"] = 8, ["group_size"] = 32 },
            ["model.layers.0.self_attn.v_proj"] = false,
        });

        ModelSpec spec = model.Read();

        spec.FeedForward().Up.Quantization.Should().Be(new QuantizationSpec(4, 64));
        spec.FeedForward().Down.Quantization.Should().Be(new QuantizationSpec(8, 32));
        spec.FeedForward().Gate.StoredType.Should().Be(ElementType.BFloat16);
        spec.Attention().Value.Quantization.Should().BeNull();
        spec.Attention().Query.Quantization.Should().BeNull("no scales are stored for it");
    }

    [Fact]
    public void The_type_stands_in_for_a_missing_architecture()
    {
        TinyModel.Of("Qwen3ForCausalLM").Remove("architectures").Set("model_type", "qwen3").Read().Architecture.Should().Be("Qwen3ForCausalLM");
    }

    [Theory]
    [InlineData("""{"architectures":["FooForCausalLM"]}""", "architecture 'FooForCausalLM'*LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM")]
    [InlineData("""{"architectures":null,"model_type":"foo"}""", "model type 'foo'*LlamaForCausalLM")]
    [InlineData("""{"hidden_act":"gelu"}""", "activation 'gelu'*silu")]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4}}""", "rope type 'yarn'*default, linear, llama3")]
    [InlineData("""{"rope_scaling":{"type":"dynamic","factor":4}}""", "rope type 'dynamic'*llama3")]
    [InlineData("""{"rope_parameters":{"rope_type":"longrope"}}""", "rope type 'longrope'*llama3")]
    [InlineData("""{"rope_parameters":{"full_attention":{"rope_type":"default"}}}""", "*layers of kind 'full_attention'*")]
    [InlineData("""{"partial_rotary_factor":0.5}""", "*part of 0.5*whole heads*")]
    [InlineData("""{"quantization_config":{"quant_method":"gptq","bits":4,"group_size":128}}""", "*method 'gptq'*5, 6 or 8 bits*32, 64 or 128*")]
    [InlineData("""{"quantization_config":{"quant_method":"awq","bits":4}}""", "*method 'awq'*MLX affine*")]
    [InlineData("""{"quantization_config":{"quant_method":"bitsandbytes","load_in_4bit":true}}""", "*method 'bitsandbytes'*")]
    public void What_is_not_supported_is_named_with_what_is(string settings, string message)
    {
        Action act = () => Merge(TinyModel.Of("LlamaForCausalLM"), settings).Read();

        act.Should().Throw<UnsupportedModelException>().WithMessage($"*{message}*");
    }

    [Theory]
    [InlineData(7, 64, "affine")]
    [InlineData(4, 16, "affine")]
    [InlineData(4, 32, "nvfp4")]
    [InlineData(8, 16, "nvfp4")]
    [InlineData(4, 16, "mxfp4")]
    [InlineData(8, 32, "mxfp4")]
    [InlineData(4, 32, "mxfp8")]
    [InlineData(8, 64, "mxfp8")]
    [InlineData(4, 32, "mxfp6")]
    [InlineData(4, 32, "MXFP4")]
    public void Other_packings_are_not_supported(int bits, int groupSize, string mode)
    {
        TinyModel model = TinyModel.Of("LlamaForCausalLM").PackAll(bits, groupSize, mode);

        Action act = () => model.Read();

        act.Should().Throw<UnsupportedModelException>()
            .WithMessage($"*model.embed_tokens: mode '{mode}', {bits} bits, groups of {groupSize}*5, 6 or 8 bits*mxfp4 with 4 bits in groups of 32*nvfp4*16*mxfp8*32*");
    }

    [Theory]
    [InlineData("mxfp4", 4, 32)]
    [InlineData("nvfp4", 4, 16)]
    [InlineData("mxfp8", 8, 32)]
    public void Floating_point_modes_have_scale_bytes_and_no_group_biases(string mode, int bits, int groupSize)
    {
        using TemporaryFolder folder = TinyModel.Of("Qwen2ForCausalLM").PackAll(bits, groupSize, mode).Add("model.norm.weight", "BF16", TinyModel.Hidden).Write();
        using WeightSource weights = SafetensorsWeightSource.Open(folder.Path);

        ModelSpec spec = ModelSpecReader.Read(folder.Path, weights);

        AllLinears(spec).Should().OnlyContain(linear => linear.Quantization == new QuantizationSpec(bits, groupSize, QuantizationFormat.Known.Single(format => format.Name == mode)));
        spec.Attention().Query.StoredType.Should().Be(ElementType.Float32, "its bias is stored so");
        AllLinears(spec).Sum(linear => LinearSlices.Whole(linear).ByteCount).Should().Be(AllLinears(spec).Sum(linear =>
            StoredBytes(weights, linear.WeightName) + StoredBytes(weights, linear.ScalesName) + (linear.HasBias ? StoredBytes(weights, linear.BiasName) : 0)));
    }

    [Fact]
    public void Without_a_bias_the_models_other_numbers_tell_the_type_beside_scale_bytes()
    {
        TinyModel model = TinyModel.Of("LlamaForCausalLM").PackAll(4, 32, "mxfp4");
        foreach (string name in model.Tensors.Keys.Where(name => name.Contains("norm", StringComparison.Ordinal)).ToArray())
        {
            model.Add(name, "BF16", TinyModel.Hidden);
        }

        AllLinears(model.Read()).Should().OnlyContain(linear => linear.StoredType == ElementType.BFloat16);
    }

    [Fact]
    public void An_override_without_a_mode_is_affine_as_in_mlx()
    {
        TinyModel model = TinyModel.Of("LlamaForCausalLM").PackFloats("model.layers.0.mlp.up_proj", 4, 32)
            .PackFloats("model.layers.0.mlp.gate_proj", 4, 32).Pack("lm_head", 8, 64).PackFloats("model.embed_tokens", 4, 16);
        model.Set("quantization", new JsonObject
        {
            ["bits"] = 4,
            ["group_size"] = 32,
            ["mode"] = "mxfp4",
            ["model.layers.0.mlp.gate_proj"] = true,
            ["lm_head"] = new JsonObject { ["bits"] = 8, ["group_size"] = 64 },
            ["model.embed_tokens"] = new JsonObject { ["group_size"] = 16, ["mode"] = "nvfp4" },
        });

        ModelSpec spec = model.Read();

        spec.FeedForward().Up.Quantization.Should().Be(new QuantizationSpec(4, 32, QuantizationFormat.Mxfp4));
        spec.FeedForward().Gate.Quantization.Should().Be(new QuantizationSpec(4, 32, QuantizationFormat.Mxfp4));
        spec.Head.Quantization.Should().Be(new QuantizationSpec(8, 64));
        spec.Embedding.Quantization.Should().Be(new QuantizationSpec(4, 16, QuantizationFormat.Nvfp4));
    }

    [Theory]
    [InlineData("""{"max_window_layers":1}""")]
    [InlineData("""{"layer_types":["full_attention","sliding_attention"]}""")]
    public void A_window_can_be_that_of_some_layers(string settings)
    {
        TinyModel model = Merge(TinyModel.Of("Qwen3ForCausalLM"), settings)
            .Set("num_hidden_layers", 2).Set("use_sliding_window", true).Set("sliding_window", 8).AddLayer(1)
            .Add("model.layers.1.self_attn.q_norm.weight", 16).Add("model.layers.1.self_attn.k_norm.weight", 16);

        ModelSpec spec = model.Read();

        (spec.Attention(0).SlidingWindow, spec.Attention(1).SlidingWindow).Should().Be((null, 8));
    }

    [Fact]
    public void Attention_of_an_unknown_kind_is_not_supported()
    {
        TinyModel model = Merge(TinyModel.Of("Qwen3ForCausalLM"), """{"layer_types":["full_attention","chunked_attention"]}""")
            .Set("num_hidden_layers", 2).Set("use_sliding_window", true);

        Action act = () => model.Read();

        act.Should().Throw<UnsupportedModelException>().WithMessage("*kind 'chunked_attention'*");
    }

    [Fact]
    public void Eight_bit_floats_are_not_supported()
    {
        Action act = () => TinyModel.Of("LlamaForCausalLM").Add("lm_head.weight", "F8_E4M3", 16, 64).Read();

        act.Should().Throw<UnsupportedModelException>().WithMessage("*Float8E4M3 of lm_head.weight*F32, F16, BF16*");
    }

    private static (int Queries, int KeysAndValues, int Size, int? Window) HeadsOf(ModelSpec spec)
    {
        GroupedQueryAttention attention = spec.Attention();
        return (attention.QueryHeadCount, attention.KeyValueHeadCount, attention.HeadSize, attention.SlidingWindow);
    }

    private static IEnumerable<LinearSpec> AllLinears(ModelSpec spec) =>
        spec.Layers.SelectMany(layer => layer.Linears).Append(spec.Embedding).Concat(spec.IsHeadTied ? [] : [spec.Head]);

    private static long StoredBytes(WeightSource weights, string name) => weights.Describe(name).ElementCount * weights.Describe(name).Type.SizeInBytes();

    private static TinyModel Merge(TinyModel model, string settings)
    {
        foreach ((string name, JsonNode? value) in JsonNode.Parse(settings)!.AsObject())
        {
            model.Set(name, value?.DeepClone());
        }

        return model;
    }
}
