using System.Text.Json;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests;

public sealed class TinyModelTests(ITestOutputHelper output)
{
    private static readonly string[] Files = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "README.md"];

    [Fact]
    public void Both_folders_lie_beside_the_program_and_hold_a_whole_model()
    {
        foreach (var folder in new[] { TinyModel.Path, TinyModel.Path4Bit })
        {
            folder.Should().StartWith(AppContext.BaseDirectory);
            Directory.GetFiles(folder).Select(Path.GetFileName).Should().BeEquivalentTo(Files);
        }
    }

    [Fact]
    public void Together_they_take_at_most_eight_million_bytes()
    {
        var bytes = new[] { TinyModel.Path, TinyModel.Path4Bit }.SelectMany(Directory.GetFiles).Sum(file => new FileInfo(file).Length);
        output.WriteLine($"{bytes:n0} bytes");
        bytes.Should().BeLessThanOrEqualTo(8_000_000);
    }

    [Fact]
    public void Shapes_fit_what_samples_and_planner_count_on()
    {
        using var config = Json(TinyModel.Path, "config.json");
        var root = config.RootElement;
        root.GetProperty("architectures")[0].GetString().Should().Be("LlamaForCausalLM");
        (root.GetProperty("hidden_size").GetInt32() % 64).Should().Be(0);
        (root.GetProperty("intermediate_size").GetInt32() % 64).Should().Be(0);
        root.GetProperty("num_attention_heads").GetInt32().Should().Be(8);
        root.GetProperty("num_key_value_heads").GetInt32().Should().Be(4);
        root.GetProperty("tie_word_embeddings").GetBoolean().Should().BeTrue();
        root.TryGetProperty("quantization", out _).Should().BeFalse();
    }

    [Fact]
    public void The_four_bit_folder_says_how_it_is_quantized_and_is_the_same_model()
    {
        using var full = Json(TinyModel.Path, "config.json");
        using var small = Json(TinyModel.Path4Bit, "config.json");
        foreach (var name in new[] { "quantization", "quantization_config" })
        {
            var quantization = small.RootElement.GetProperty(name);
            quantization.GetProperty("group_size").GetInt32().Should().Be(64);
            quantization.GetProperty("bits").GetInt32().Should().Be(4);
            quantization.GetProperty("mode").GetString().Should().Be("affine");
        }
        foreach (var property in full.RootElement.EnumerateObject())
        {
            small.RootElement.GetProperty(property.Name).GetRawText().Should().Be(property.Value.GetRawText(), property.Name);
        }
        File.ReadAllBytes(Path.Combine(TinyModel.Path4Bit, "tokenizer.json")).Should().Equal(File.ReadAllBytes(Path.Combine(TinyModel.Path, "tokenizer.json")));
    }

    [Fact]
    public void The_tokenizer_has_as_many_tokens_as_the_model_and_a_chat_template()
    {
        using var config = Json(TinyModel.Path, "config.json");
        using var tokenizer = Json(TinyModel.Path, "tokenizer.json");
        using var tokenizerConfig = Json(TinyModel.Path, "tokenizer_config.json");
        var vocabulary = tokenizer.RootElement.GetProperty("model").GetProperty("vocab");
        vocabulary.EnumerateObject().Select(token => token.Value.GetInt32()).Order()
            .Should().Equal(Enumerable.Range(0, config.RootElement.GetProperty("vocab_size").GetInt32()));

        // Added tokens must be in the vocabulary: the tokenizers library numbers those that are not behind it.
        foreach (var token in tokenizer.RootElement.GetProperty("added_tokens").EnumerateArray())
        {
            vocabulary.GetProperty(token.GetProperty("content").GetString()!).GetInt32().Should().Be(token.GetProperty("id").GetInt32());
        }

        tokenizerConfig.RootElement.GetProperty("chat_template").GetString().Should().Contain("<|im_start|>").And.Contain("add_generation_prompt");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tensors_fill_their_file_exactly(bool quantized)
    {
        var file = File.ReadAllBytes(Path.Combine(quantized ? TinyModel.Path4Bit : TinyModel.Path, "model.safetensors"));
        var header = (int)BitConverter.ToUInt64(file);
        using var json = JsonDocument.Parse(file.AsMemory(8, header));
        var tensors = json.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToList();
        long end = 0;
        foreach (var tensor in tensors)
        {
            var offsets = tensor.Value.GetProperty("data_offsets");
            offsets[0].GetInt64().Should().Be(end, tensor.Name);
            end = offsets[1].GetInt64();
        }
        (8 + header + end).Should().Be(file.Length);
        tensors.Count(tensor => tensor.Name.EndsWith(".scales", StringComparison.Ordinal)).Should().Be(quantized ? 1 + (7 * Layers()) : 0);
    }

    [Fact]
    public void A_missing_model_is_reported_with_every_place_that_was_tried()
    {
        var finding = () => TinyModel.Find("exo-tiny", ["/nowhere/a", "/nowhere/b", "/nowhere/a"]);

        finding.Should().Throw<DirectoryNotFoundException>().Which.Message.Should()
            .Contain(Path.Combine("/nowhere/a", "exo-models", "exo-tiny")).And.Contain(Path.Combine("/nowhere/b", "exo-models", "exo-tiny")).And.Contain("Exo.Sdk.TinyModel");
    }

    private static int Layers()
    {
        using var config = Json(TinyModel.Path, "config.json");
        return config.RootElement.GetProperty("num_hidden_layers").GetInt32();
    }

    private static JsonDocument Json(string folder, string file) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, file)));
}
