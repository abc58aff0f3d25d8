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

    /// <summary>Whether every query head has a sink.</summary>
    public bool HasSinks { get; init; }

    /// <summary>Whether the results of attention and feed-forward are normed too.</summary>
    public bool HasResultNorms { get; init; }

    /// <summary>What all norms compute.</summary>
    public NormForm NormForm { get; init; }

    /// <summary>The function of the feed-forward's gate.</summary>
    public Activation Activation { get; init; }

    /// <summary>What is different in a layer, by its index; null for equal layers. Matrices stay as they are.</summary>
    public Func<int, GroupedQueryAttention, GroupedQueryAttention>? Vary { get; init; }

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
        LinearSpec embedding = Linear("embed", shape.Vocabulary, shape.Hidden, SplitRule.Column(SplitUnit.Token), hasBias: false);
        Spec = new ModelSpec
        {
            Family = "random",
            Architecture = "Random",
            HiddenSize = shape.Hidden,
            VocabularySize = shape.Vocabulary,
            MaxContextLength = 4096,
            Embedding = embedding,
            Layers = [.. Enumerable.Range(0, shape.Layers).Select(index => new LayerSpec(Attention(index), FeedForward(index)))],
            FinalNorm = Norm("final_norm", shape.Hidden),
            Head = shape.IsTied ? embedding : Linear("head", shape.Vocabulary, shape.Hidden, SplitRule.Column(SplitUnit.Token), hasBias: false),
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

    private GroupedQueryAttention Attention(int index)
    {
        int queries = _shape.QueryHeads * _shape.HeadSize;
        int keys = _shape.KeyValueHeads * _shape.HeadSize;
        SplitRule byKeyValueHead = SplitRule.Column(SplitUnit.KeyValueHead, _shape.HeadSize);
        GroupedQueryAttention attention = new()
        {
            QueryHeadCount = _shape.QueryHeads,
            KeyValueHeadCount = _shape.KeyValueHeads,
            HeadSize = _shape.HeadSize,
            SlidingWindow = _shape.Window,
            Rope = new RopeSpec(10000, _shape.Scaling),
            Norm = Norm($"{index}.attention_norm", _shape.Hidden),
            Query = Linear($"{index}.q", queries, _shape.Hidden, SplitRule.Column(SplitUnit.QueryHead, _shape.HeadSize), _shape.HasBias),
            Key = Linear($"{index}.k", keys, _shape.Hidden, byKeyValueHead, _shape.HasBias),
            Value = Linear($"{index}.v", keys, _shape.Hidden, byKeyValueHead, _shape.HasBias),
            QueryNorm = _shape.HasQueryKeyNorm ? Norm($"{index}.q_norm", _shape.HeadSize) : null,
            KeyNorm = _shape.HasQueryKeyNorm ? Norm($"{index}.k_norm", _shape.HeadSize) : null,
            Output = Linear($"{index}.o", _shape.Hidden, queries, SplitRule.Row(SplitUnit.QueryHead, _shape.HeadSize), _shape.HasOutputBias),
            ResultNorm = _shape.HasResultNorms ? Norm($"{index}.attention_result_norm", _shape.Hidden) : null,
            SinksName = _shape.HasSinks ? $"{index}.sinks" : null,
        };
        if (attention.SinksName is { } sinks)
        {
            Store(sinks, [_shape.QueryHeads], _ => Gaussian());
        }

        return _shape.Vary is { } vary ? vary(index, attention) : attention;
    }

    private GatedFeedForward FeedForward(int index) => new()
    {
        Activation = _shape.Activation,
        Norm = Norm($"{index}.feed_forward_norm", _shape.Hidden),
        Gate = Linear($"{index}.gate", _shape.Channels, _shape.Hidden, SplitRule.Column(SplitUnit.Channel), hasBias: false),
        Up = Linear($"{index}.up", _shape.Channels, _shape.Hidden, SplitRule.Column(SplitUnit.Channel), hasBias: false),
        Down = Linear($"{index}.down", _shape.Hidden, _shape.Channels, SplitRule.Row(SplitUnit.Channel), _shape.HasOutputBias),
        ResultNorm = _shape.HasResultNorms ? Norm($"{index}.feed_forward_result_norm", _shape.Hidden) : null,
    };

    private NormSpec Norm(string name, int size)
    {
        Store(name, [size], _ => (_shape.NormForm == NormForm.RootMeanSquareFromOne ? 0 : 1) + (0.3f * Gaussian()));
        return new NormSpec(name, size, 1e-5f) { Form = _shape.NormForm, StoredType = _shape.Type };
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
