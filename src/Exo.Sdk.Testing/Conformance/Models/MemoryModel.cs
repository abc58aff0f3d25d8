using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>The shape of a <see cref="MemoryModel"/>; small by default, so that a whole check takes milliseconds.</summary>
public sealed record ModelShape
{
    /// <summary>What is special about it, for people.</summary>
    public string Name { get; init; } = "llama";

    /// <summary>The length of the residual stream.</summary>
    public int Hidden { get; init; } = 64;

    /// <summary>The number of layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>The number of query heads.</summary>
    public int QueryHeads { get; init; } = 4;

    /// <summary>The number of key-value heads; it divides <see cref="QueryHeads"/>.</summary>
    public int KeyValueHeads { get; init; } = 2;

    /// <summary>The elements per head.</summary>
    public int HeadSize { get; init; } = 16;

    /// <summary>Channels of the feed-forward block.</summary>
    public int Channels { get; init; } = 128;

    /// <summary>The number of vocabulary entries.</summary>
    public int Vocabulary { get; init; } = 97;

    /// <summary>Whether queries, keys and values have biases.</summary>
    public bool HasBias { get; init; }

    /// <summary>Whether the projections back to the residual stream have biases.</summary>
    public bool HasOutputBias { get; init; }

    /// <summary>Whether queries and keys are normed per head.</summary>
    public bool HasQueryKeyNorm { get; init; }

    /// <summary>Whether the head is the embedding table.</summary>
    public bool IsTied { get; init; }

    /// <summary>How many positions back a position may look, itself included; null for all.</summary>
    public int? Window { get; init; }

    /// <summary>How rope frequencies are stretched, or null.</summary>
    public RopeScaling? Scaling { get; init; }

    /// <summary>The element type of numbers.</summary>
    public ElementType Type { get; init; } = ElementType.Float32;

    /// <summary>How matrices are packed, or null for plain numbers.</summary>
    public QuantizationSpec? Packing { get; init; }

    /// <summary>Equal shapes of equal seeds make equal models.</summary>
    public int Seed { get; init; } = 1;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>A model with random weights, in memory. Reading it is thread-safe.</summary>
public sealed class MemoryModel
{
    private readonly Random _random;
    private readonly ModelShape _shape;

    /// <summary>Makes the weights up.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="isMapped">Whether contiguous slices of weights are offered without a copy.</param>
    public MemoryModel(ModelShape shape, bool isMapped = false)
    {
        ArgumentNullException.ThrowIfNull(shape);
        _shape = shape;
        _random = new Random(shape.Seed);
        Weights = new MemoryWeightSource { IsMapped = isMapped };
        int queries = shape.QueryHeads * shape.HeadSize;
        LinearSpec embedding = Linear("embed", shape.Vocabulary, shape.Hidden, SplitRule.Column(SplitUnit.Token), hasBias: false);
        Spec = new ModelSpec
        {
            Family = "random",
            Architecture = "Random",
            HiddenSize = shape.Hidden,
            IntermediateSize = shape.Channels,
            VocabularySize = shape.Vocabulary,
            MaxContextLength = 4096,
            NormEpsilon = 1e-5f,
            Attention = new AttentionSpec
            {
                QueryHeadCount = shape.QueryHeads,
                KeyValueHeadCount = shape.KeyValueHeads,
                HeadSize = shape.HeadSize,
                HasQueryKeyNorm = shape.HasQueryKeyNorm,
                SlidingWindow = shape.Window,
            },
            Rope = new RopeSpec(10000, shape.Scaling),
            Embedding = embedding,
            Layers = [.. Enumerable.Range(0, shape.Layers).Select(Layer)],
            FinalNorm = Norm("final_norm", shape.Hidden),
            Head = shape.IsTied ? embedding : Linear("head", shape.Vocabulary, shape.Hidden, SplitRule.Column(SplitUnit.Token), hasBias: false),
        };

        LayerSpec Layer(int index) => new()
        {
            AttentionNorm = Norm($"{index}.attention_norm", shape.Hidden),
            Query = Linear($"{index}.q", queries, shape.Hidden, SplitRule.Column(SplitUnit.QueryHead, shape.HeadSize), shape.HasBias),
            Key = Linear($"{index}.k", shape.KeyValueHeads * shape.HeadSize, shape.Hidden, SplitRule.Column(SplitUnit.KeyValueHead, shape.HeadSize), shape.HasBias),
            Value = Linear($"{index}.v", shape.KeyValueHeads * shape.HeadSize, shape.Hidden, SplitRule.Column(SplitUnit.KeyValueHead, shape.HeadSize), shape.HasBias),
            QueryNorm = shape.HasQueryKeyNorm ? Norm($"{index}.q_norm", shape.HeadSize) : null,
            KeyNorm = shape.HasQueryKeyNorm ? Norm($"{index}.k_norm", shape.HeadSize) : null,
            Output = Linear($"{index}.o", shape.Hidden, queries, SplitRule.Row(SplitUnit.QueryHead, shape.HeadSize), shape.HasOutputBias),
            FeedForwardNorm = Norm($"{index}.feed_forward_norm", shape.Hidden),
            Gate = Linear($"{index}.gate", shape.Channels, shape.Hidden, SplitRule.Column(SplitUnit.Channel), hasBias: false),
            Up = Linear($"{index}.up", shape.Channels, shape.Hidden, SplitRule.Column(SplitUnit.Channel), hasBias: false),
            Down = Linear($"{index}.down", shape.Hidden, shape.Channels, SplitRule.Row(SplitUnit.Channel), shape.HasOutputBias),
        };
    }

    /// <summary>The model as data.</summary>
    public ModelSpec Spec { get; }

    /// <summary>Its weights. They live as long as the model.</summary>
    public MemoryWeightSource Weights { get; }

    /// <summary>Random tokens of its vocabulary.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Equal seeds give equal tokens.</param>
    /// <returns>The tokens.</returns>
    public int[] Tokens(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(Spec.VocabularySize))];
    }

    private NormSpec Norm(string name, int size)
    {
        Store(name, [size], _ => 1 + (0.3f * Gaussian()));
        return new NormSpec(name, size);
    }

    private LinearSpec Linear(string path, int outputs, int inputs, SplitRule split, bool hasBias)
    {
        LinearSpec linear = new()
        {
            Path = path,
            InputSize = inputs,
            OutputSize = outputs,
            Split = split,
            HasBias = hasBias,
            Quantization = _shape.Packing,
            StoredType = _shape.Type,
        };
        float deviation = path == "embed" ? 1 : 1 / MathF.Sqrt(inputs);
        if (_shape.Packing is { } packing)
        {
            byte[] words = new byte[(long)outputs * inputs * packing.Bits / 8];
            _random.NextBytes(words);
            Weights.Add(linear.WeightName, ElementType.UInt32, words, outputs, inputs * packing.Bits / 32);

            // A scale may be negative; the values spread over about ± twice the deviation, a little off center.
            float step = 4f / ((1 << packing.Bits) - 1) * deviation;
            float[] scales = [.. Enumerable.Range(0, outputs * inputs / packing.GroupSize).Select(
                _ => step * (0.5f + _random.NextSingle()) * (_random.Next(4) == 0 ? -1 : 1))];
            Store(linear.ScalesName, [outputs, inputs / packing.GroupSize], i => scales[i]);
            Store(linear.GroupBiasesName, [outputs, inputs / packing.GroupSize], i => -scales[i] * ((1 << packing.Bits) - 1) / 2 * (0.8f + (0.4f * _random.NextSingle())));
        }
        else
        {
            Store(linear.WeightName, [outputs, inputs], _ => deviation * Gaussian());
        }

        if (hasBias)
        {
            Store(linear.BiasName, [outputs], _ => 0.5f * Gaussian());
        }

        return linear;
    }

    private void Store(string name, int[] shape, Func<int, float> value)
    {
        int count = shape.Aggregate(1, (a, b) => a * b);
        float[] values = [.. Enumerable.Range(0, count).Select(value)];
        Weights.Add(name, _shape.Type, MemoryWeightSource.Store(_shape.Type, values), shape);
    }

    private float Gaussian() => MathF.Sqrt(-2 * MathF.Log(1 - _random.NextSingle())) * MathF.Cos(2 * MathF.PI * _random.NextSingle());
}
