using Exo.Golden.Formats;
using Exo.Golden.Reference;

namespace Exo.Golden.Catalog;

/// <summary>
/// Draws the tensors that a config calls for, in checkpoint order. The scales keep the signal alive: scores with a standard
/// deviation above 1 (attention that prefers something), logits of order 1 to 10, and an untied embedding as small as trained
/// ones are, so that the ε of the first norm shows.
/// </summary>
internal sealed class RandomWeights
{
    private const double ProjectionGain = 1.4;
    private const double HeadGain = 2.5;
    private const double UntiedEmbeddingDeviation = 0.03;
    private const double NormDeviation = 0.2;
    private const double BiasDeviation = 0.5;

    private readonly ulong _seed;
    private readonly GoldenModel _model;
    private readonly ModelConfig _config;
    private readonly List<StoredTensor> _tensors = [];

    private RandomWeights(ulong seed, GoldenModel model)
    {
        _seed = seed;
        _model = model;
        _config = ModelConfig.Parse(model.Config);
    }

    public static IReadOnlyList<StoredTensor> Draw(ulong seed, GoldenModel model)
    {
        var weights = new RandomWeights(seed, model);
        weights.AddAll();
        return weights._tensors;
    }

    private void AddAll()
    {
        int hidden = _config.HiddenSize;
        int queryWidth = _config.Heads * _config.HeadDimension;
        int keyWidth = _config.KeyValueHeads * _config.HeadDimension;
        double headDeviation = HeadGain / Math.Sqrt(hidden);

        AddMatrix("model.embed_tokens", _config.VocabularySize, hidden, _config.TiedHead ? headDeviation : UntiedEmbeddingDeviation);
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string path = $"model.layers.{layer}";
            AddNorm(path + ".input_layernorm", hidden);
            AddProjection(path + ".self_attn.q_proj", queryWidth, hidden, _config.QueryKeyValueBias);
            AddProjection(path + ".self_attn.k_proj", keyWidth, hidden, _config.QueryKeyValueBias);
            AddProjection(path + ".self_attn.v_proj", keyWidth, hidden, _config.QueryKeyValueBias);
            AddProjection(path + ".self_attn.o_proj", hidden, queryWidth, _config.OutputBias);
            if (_config.QueryKeyNorm)
            {
                AddNorm(path + ".self_attn.q_norm", _config.HeadDimension);
                AddNorm(path + ".self_attn.k_norm", _config.HeadDimension);
            }

            if (_model.StoresInverseFrequencies)
            {
                double[] frequencies = _config.Rope.Frequencies(_config.HeadDimension);
                _tensors.Add(StoredTensor.FromDoubles(path + ".self_attn.rotary_emb.inv_freq", ElementType.F32, [frequencies.Length], frequencies));
            }

            AddNorm(path + ".post_attention_layernorm", hidden);
            AddProjection(path + ".mlp.gate_proj", _config.IntermediateSize, hidden, _config.MlpBias);
            AddProjection(path + ".mlp.up_proj", _config.IntermediateSize, hidden, _config.MlpBias);
            AddProjection(path + ".mlp.down_proj", hidden, _config.IntermediateSize, _config.MlpBias);
        }

        AddNorm("model.norm", hidden);
        if (!_config.TiedHead)
        {
            AddMatrix("lm_head", _config.VocabularySize, hidden, headDeviation);
        }
    }

    private void AddProjection(string path, int rows, int columns, bool bias)
    {
        AddMatrix(path, rows, columns, ProjectionGain / Math.Sqrt(columns));
        if (bias)
        {
            AddVector(path + ".bias", rows, mean: 0, BiasDeviation);
        }
    }

    private void AddNorm(string path, int length) => AddVector(path + ".weight", length, mean: 1, NormDeviation);

    private void AddVector(string name, int length, double mean, double deviation) =>
        _tensors.Add(StoredTensor.FromDoubles(name, _config.StoredType, [length], Values(name, length, mean, deviation)));

    private void AddMatrix(string path, int rows, int columns, double deviation)
    {
        double[] values = Values(path + ".weight", rows * columns, mean: 0, deviation);
        if (_config.Quantization(path) is { } format)
        {
            _tensors.AddRange(MlxAffine.Quantize(path, values, rows, columns, format, _config.StoredType));
        }
        else
        {
            _tensors.Add(StoredTensor.FromDoubles(path + ".weight", _config.StoredType, [rows, columns], values));
        }
    }

    private double[] Values(string name, int count, double mean, double deviation)
    {
        var normal = new SeededNormal(_seed, $"{_model.Name}/{name}");
        var values = new double[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = mean + (deviation * normal.Next());
        }

        return values;
    }
}
