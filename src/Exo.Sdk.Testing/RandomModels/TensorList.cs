using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.RandomModels;

/// <summary>The tensors that a model of given options stores, in the order of its layers.</summary>
internal static class TensorList
{
    // Above 1, so that attention prefers some positions and layers matter beside the residual stream.
    private const float ProjectionGain = 1.2f;
    private const float HeadGain = 2;
    private const float NormDeviation = 0.1f;
    private const float BiasDeviation = 0.2f;

    public static IEnumerable<RandomTensor> Of(RandomModelOptions options)
    {
        int hidden = options.HiddenSize;
        float headDeviation = HeadGain / MathF.Sqrt(hidden);
        IEnumerable<RandomTensor> tensors = Matrix(options, "model.embed_tokens", options.VocabularySize, hidden, options.IsHeadTied ? headDeviation : 1);
        for (int layer = 0; layer < options.LayerCount; layer++)
        {
            tensors = tensors.Concat(Layer(options, $"model.layers.{layer}"));
        }

        tensors = tensors.Append(Norm(options, "model.norm", hidden));
        return options.IsHeadTied ? tensors : tensors.Concat(Matrix(options, "lm_head", options.VocabularySize, hidden, headDeviation));
    }

    private static IEnumerable<RandomTensor> Layer(RandomModelOptions options, string path)
    {
        int hidden = options.HiddenSize;
        int queryWidth = checked(options.QueryHeadCount * options.HeadSize);
        int keyWidth = options.KeyValueHeadCount * options.HeadSize;
        bool hasQueryBias = options.HasBiases || options.Family == RandomModelFamily.Qwen2;
        bool hasOutputBias = options.HasBiases && options.Family != RandomModelFamily.Qwen2;
        bool hasChannelBias = options.HasBiases && options.Family == RandomModelFamily.Llama;
        IEnumerable<RandomTensor> norms = [Norm(options, path + ".input_layernorm", hidden), Norm(options, path + ".post_attention_layernorm", hidden)];
        if (options.Family == RandomModelFamily.Qwen3)
        {
            norms = [.. norms, Norm(options, path + ".self_attn.q_norm", options.HeadSize), Norm(options, path + ".self_attn.k_norm", options.HeadSize)];
        }

        return norms
            .Concat(Projection(options, path + ".self_attn.q_proj", queryWidth, hidden, hasQueryBias))
            .Concat(Projection(options, path + ".self_attn.k_proj", keyWidth, hidden, hasQueryBias))
            .Concat(Projection(options, path + ".self_attn.v_proj", keyWidth, hidden, hasQueryBias))
            .Concat(Projection(options, path + ".self_attn.o_proj", hidden, queryWidth, hasOutputBias))
            .Concat(Projection(options, path + ".mlp.gate_proj", options.IntermediateSize, hidden, hasChannelBias))
            .Concat(Projection(options, path + ".mlp.up_proj", options.IntermediateSize, hidden, hasChannelBias))
            .Concat(Projection(options, path + ".mlp.down_proj", hidden, options.IntermediateSize, hasChannelBias));
    }

    private static IEnumerable<RandomTensor> Projection(RandomModelOptions options, string path, int rows, int columns, bool hasBias)
    {
        IEnumerable<RandomTensor> tensors = Matrix(options, path, rows, columns, ProjectionGain / MathF.Sqrt(columns));
        return hasBias ? tensors.Append(new NormalTensor(path + ".bias", options.Type, [rows], options.Seed, 0, BiasDeviation)) : tensors;
    }

    private static NormalTensor Norm(RandomModelOptions options, string path, int size) =>
        new(path + ".weight", options.Type, [size], options.Seed, 1, NormDeviation);

    private static IEnumerable<RandomTensor> Matrix(RandomModelOptions options, string path, int rows, int columns, float deviation)
    {
        QuantizationSpec? packing = options.QuantizationOverrides.TryGetValue(path, out QuantizationSpec? own) ? own : options.Quantization;
        if (packing is null)
        {
            return [new NormalTensor(path + ".weight", options.Type, [rows, columns], options.Seed, 0, deviation)];
        }

        OptionRules.RequirePackable(path, columns, packing);
        int[] groups = [rows, columns / packing.GroupSize];
        return
        [
            new PackedTensor(path + ".weight", [rows, (int)((long)columns * packing.Bits / 32)], options.Seed),
            new GroupTensor(path, options.Type, groups, options.Seed, packing.Bits, deviation, IsBias: false),
            new GroupTensor(path, options.Type, groups, options.Seed, packing.Bits, deviation, IsBias: true),
        ];
    }
}
