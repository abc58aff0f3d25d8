using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Exo.Sdk.Models;
using Exo.Sdk.Testing;
using Exo.Sdk.Tests.Models;

namespace Exo.Sdk.Tests.Testing;

public sealed class RandomModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("exo-random-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Plain_weights_are_close_to_normal_and_of_deviation_one_over_root_of_inputs()
    {
        RandomModel.Write(_folder, new RandomModelOptions { HiddenSize = 256, IntermediateSize = 1024, Type = ElementType.BFloat16 });
        using var weights = SafetensorsWeightSource.Open(_folder);

        float[] values = ReadAll(weights, "model.layers.1.mlp.down_proj.weight");

        weights.Describe("model.layers.1.mlp.down_proj.weight").Should().BeEquivalentTo(
            new { Type = ElementType.BFloat16, Shape = new[] { 256, 1024 } });
        (Mean(values) * 32).Should().BeApproximately(0, 0.01);
        (Deviation(values) * 32).Should().BeApproximately(1.2, 0.01);
        double beyondTwo = values.Count(value => Math.Abs(value) * 32 / 1.2 > 2) / (double)values.Length;
        beyondTwo.Should().BeApproximately(0.0455, 0.01, "that is the normal distribution's share");
        Mean(ReadAll(weights, "model.norm.weight")).Should().BeApproximately(1, 0.05);
    }

    [Theory]
    [InlineData(4, 64, ElementType.BFloat16)]
    [InlineData(8, 32, ElementType.Float16)]
    [InlineData(4, 128, ElementType.Float32)]
    public void Quantized_weights_have_the_same_deviation_and_scales_of_either_sign(int bits, int group, ElementType type)
    {
        RandomModel.Write(_folder, new RandomModelOptions
        {
            HiddenSize = 256,
            QueryHeadCount = 8,
            HeadSize = 32,
            IntermediateSize = 512,
            Type = type,
            Quantization = new QuantizationSpec(bits, group),
        });
        using var weights = SafetensorsWeightSource.Open(_folder);
        const string path = "model.layers.0.mlp.gate_proj";

        float[] scales = ReadAll(weights, path + ".scales");
        float[] biases = ReadAll(weights, path + ".biases");
        TensorInfo info = weights.Describe(path + ".weight");
        uint[] words = new uint[info.ElementCount];
        weights.Read(path + ".weight", TensorSlice.OfRows(IndexRange.All(info.Shape[0])), MemoryMarshal.AsBytes(words.AsSpan()));
        float[] values = [.. Enumerable.Range(0, 512 * 256).Select(i =>
        {
            uint packed = (words[i * bits / 32] >> (i * bits % 32)) & ((1u << bits) - 1);
            return (scales[i / group] * packed) + biases[i / group];
        })];

        info.Type.Should().Be(ElementType.UInt32);
        info.Shape.Should().Equal(512, 256 * bits / 32);
        scales.Length.Should().Be(512 * 256 / group);
        (Mean(values) * 16).Should().BeApproximately(0, 0.02);
        (Deviation(values) * 16).Should().BeApproximately(1.2, 0.03);
        (scales.Count(scale => scale < 0) / (double)scales.Length).Should().BeApproximately(0.5, 0.05);
        scales.Distinct().Count().Should().BeGreaterThan(10);
    }

    [Theory]
    [InlineData(RandomModelFamily.Llama, true, "self_attn.o_proj.bias mlp.down_proj.bias self_attn.q_proj.bias", "self_attn.q_norm.weight")]
    [InlineData(RandomModelFamily.Llama, false, "mlp.down_proj.weight", "self_attn.q_proj.bias")]
    [InlineData(RandomModelFamily.Mistral, false, "mlp.down_proj.weight", "self_attn.q_proj.bias")]
    [InlineData(RandomModelFamily.Qwen2, false, "self_attn.q_proj.bias self_attn.v_proj.bias", "self_attn.o_proj.bias mlp.down_proj.bias")]
    [InlineData(RandomModelFamily.Qwen3, true, "self_attn.q_norm.weight self_attn.k_norm.weight self_attn.o_proj.bias", "mlp.down_proj.bias")]
    public void A_family_has_its_own_tensors(RandomModelFamily family, bool hasBiases, string present, string absent)
    {
        RandomModel.Write(_folder, new RandomModelOptions { Family = family, HasBiases = hasBiases, IsHeadTied = true });
        using var weights = SafetensorsWeightSource.Open(_folder);

        present.Split(' ').Should().OnlyContain(name => weights.Contains("model.layers.1." + name));
        absent.Split(' ').Should().OnlyContain(name => !weights.Contains("model.layers.1." + name));
        weights.Contains("lm_head.weight").Should().BeFalse();
        Config()["model_type"]!.GetValue<string>().Should().Be(family.ToString().ToLowerInvariant());
    }

    [Fact]
    public void Overrides_change_single_matrices()
    {
        RandomModel.Write(_folder, new RandomModelOptions
        {
            HiddenSize = 128,
            IntermediateSize = 192,
            Quantization = new QuantizationSpec(4, 64),
            QuantizationOverrides = new Dictionary<string, QuantizationSpec?>
            {
                ["model.layers.0.mlp.down_proj"] = new QuantizationSpec(8, 32),
                ["model.layers.1.mlp.down_proj"] = null,
            },
        });
        using var weights = SafetensorsWeightSource.Open(_folder);

        weights.Describe("model.layers.0.mlp.down_proj.weight").Shape.Should().Equal(128, 48);
        weights.Describe("model.layers.0.mlp.down_proj.scales").Shape.Should().Equal(128, 6);
        weights.Describe("model.layers.1.mlp.down_proj.weight").Shape.Should().Equal(128, 192);
        weights.Contains("model.layers.1.mlp.down_proj.scales").Should().BeFalse();
        Config()["quantization"]!["model.layers.1.mlp.down_proj"]!.GetValue<bool>().Should().BeFalse();
        Config()["quantization"]!["model.layers.0.mlp.down_proj"]!["bits"]!.GetValue<int>().Should().Be(8);
    }

    [Fact]
    public void Equal_options_make_equal_bytes_and_another_seed_does_not()
    {
        RandomModelOptions options = new() { Quantization = new QuantizationSpec(4, 32) };
        string[] folders = [Path.Combine(_folder, "a"), Path.Combine(_folder, "b"), Path.Combine(_folder, "c")];
        RandomModel.Write(folders[0], options);
        RandomModel.Write(folders[1], options);
        RandomModel.Write(folders[2], options with { Seed = 2 });

        byte[][] files = [.. folders.Select(folder => File.ReadAllBytes(Path.Combine(folder, "model.safetensors")))];

        files[1].Should().Equal(files[0]);
        files[2].AsSpan().SequenceEqual(files[0]).Should().BeFalse();
    }

    [Fact]
    public void Splitting_into_files_changes_no_tensor()
    {
        RandomModelOptions options = new() { Type = ElementType.Float16 };
        string split = Path.Combine(_folder, "split");
        RandomModel.Write(_folder, options);
        RandomModel.Write(split, options with { ShardSize = 40_000 });
        using var one = SafetensorsWeightSource.Open(_folder);
        using var several = SafetensorsWeightSource.Open(split);

        Directory.GetFiles(split, "model-*.safetensors").Length.Should().BeGreaterThan(3);
        several.Names.Should().BeEquivalentTo(one.Names);
        one.Names.Should().OnlyContain(name => ReadAll(one, name).SequenceEqual(ReadAll(several, name)));
    }

    [Fact]
    public void A_model_is_written_without_being_held()
    {
        RandomModelOptions options = new() { HiddenSize = 512, IntermediateSize = 2048, VocabularySize = 300 };
        RandomModel.Write(_folder, options);
        long before = GC.GetAllocatedBytesForCurrentThread();
        RandomModel.Write(_folder, options);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        new FileInfo(Path.Combine(_folder, "model.safetensors")).Length.Should().BeGreaterThan(25 << 20);
        allocated.Should().BeLessThan(3 << 20);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(101)]
    [InlineData(259)]
    [InlineData(3000)]
    [InlineData(70_000)]
    public void Token_ids_cover_the_vocabulary_and_every_merge_makes_a_token(int vocabulary)
    {
        RandomModel.Write(_folder, new RandomModelOptions { VocabularySize = vocabulary, HiddenSize = 32 });
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "tokenizer.json")))!;
        Dictionary<string, int> ids = tokenizer["model"]!["vocab"]!.AsObject().ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<int>());

        ids.Values.Should().BeEquivalentTo(Enumerable.Range(0, vocabulary), options => options.WithStrictOrdering());
        tokenizer["model"]!["merges"]!.AsArray().Select(merge => merge!.GetValue<string>())
            .Where(merge => !ids.ContainsKey(merge.Replace(" ", "", StringComparison.Ordinal)) || !merge.Split(' ').All(ids.ContainsKey))
            .Should().BeEmpty();
    }

    [Theory]
    [InlineData(RandomModelFamily.Llama)]
    [InlineData(RandomModelFamily.Mistral)]
    [InlineData(RandomModelFamily.Qwen2)]
    [InlineData(RandomModelFamily.Qwen3)]
    public void The_reader_understands_what_was_written(RandomModelFamily family)
    {
        RandomModelOptions options = new()
        {
            Family = family,
            HiddenSize = 128,
            HasBiases = family == RandomModelFamily.Llama,
            SlidingWindow = family == RandomModelFamily.Mistral ? 9 : null,
            RopeScaling = new Llama3RopeScaling(8, 1, 4, 64),
            Type = ElementType.BFloat16,
            Quantization = new QuantizationSpec(4, 32),
            QuantizationOverrides = new Dictionary<string, QuantizationSpec?> { ["lm_head"] = null },
        };
        RandomModel.Write(_folder, options);
        using var weights = SafetensorsWeightSource.Open(_folder);

        ModelSpec spec = ModelSpecReader.Read(_folder, weights);

        spec.Family.Should().Be(family.ToString().ToLowerInvariant());
        (spec.Attention().QueryHeadCount, spec.Attention().KeyValueHeadCount, spec.Attention().HeadSize).Should().Be((8, 4, 16));
        spec.Attention().SlidingWindow.Should().Be(options.SlidingWindow);
        (spec.Attention().QueryNorm is not null).Should().Be(family == RandomModelFamily.Qwen3);
        spec.Attention().Rope.Should().Be(new RopeSpec(10000, options.RopeScaling));
        spec.Layers.Should().HaveCount(2).And.OnlyContain(layer => ((GatedFeedForward)layer.FeedForward).Down.Quantization == options.Quantization);
        spec.Attention().Query.HasBias.Should().Be(family is RandomModelFamily.Llama or RandomModelFamily.Qwen2);
        spec.Head.Quantization.Should().BeNull();
        spec.IsHeadTied.Should().BeFalse();
        spec.EndTokens.Should().Equal(2);
    }

    public static TheoryData<RandomModelOptions, string> Contradictions => new()
    {
        { new RandomModelOptions { QueryHeadCount = 6, KeyValueHeadCount = 4 }, "QueryHeadCount" },
        { new RandomModelOptions { HeadSize = 7 }, "HeadSize" },
        { new RandomModelOptions { LayerCount = 0 }, "LayerCount" },
        { new RandomModelOptions { Type = ElementType.Int64 }, "Type" },
        { new RandomModelOptions { Family = RandomModelFamily.Mistral, HasBiases = true }, "HasBiases" },
        { new RandomModelOptions { SlidingWindow = 8 }, "SlidingWindow" },
        { new RandomModelOptions { Quantization = new QuantizationSpec(4, 128) }, "groups of 128" },
        { new RandomModelOptions { Quantization = new QuantizationSpec(7, 32) }, "7 bits" },
        { new RandomModelOptions { Quantization = new QuantizationSpec(4, 32, QuantizationFormat.Mxfp4) }, "mxfp4" },
    };

    [Theory]
    [MemberData(nameof(Contradictions), DisableDiscoveryEnumeration = true)]
    public void Contradictory_options_are_refused_by_name(RandomModelOptions options, string name)
    {
        FluentActions.Invoking(() => RandomModel.Write(_folder, options))
            .Should().Throw<ConfigurationException>().Which.Message.Should().Contain(name);
    }

    private JsonNode Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!;

    private static float[] ReadAll(WeightSource weights, string name)
    {
        TensorInfo info = weights.Describe(name);
        float[] values = new float[info.ElementCount];
        weights.ReadFloat32(name, TensorSlice.OfRows(IndexRange.All(info.Shape[0])), values);
        return values;
    }

    private static double Mean(float[] values) => values.Average(value => (double)value);

    private static double Deviation(float[] values)
    {
        double mean = Mean(values);
        return Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
    }
}
