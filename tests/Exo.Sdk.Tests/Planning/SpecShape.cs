using Exo.Sdk.Models;

namespace Exo.Sdk.Tests.Planning;

/// <summary>Makes model specifications of any shape, without files.</summary>
internal sealed record SpecShape
{
    public int Hidden { get; init; } = 256;
    public int Layers { get; init; } = 2;
    public int KeyValueHeads { get; init; } = 4;
    public int QueryHeadsPerGroup { get; init; } = 2;
    public int HeadSize { get; init; } = 32;
    public int Channels { get; init; } = 512;
    public int Vocabulary { get; init; } = 1000;
    public bool IsTied { get; init; }
    public bool HasBias { get; init; }
    public ElementType Type { get; init; } = ElementType.Float32;
    public QuantizationSpec? Quantization { get; init; }

    /// <summary>The layers' windows, null for none.</summary>
    public IReadOnlyList<int?>? Windows { get; init; }

    /// <summary>The quantization of the last layer, where it differs.</summary>
    public QuantizationSpec? LastLayerQuantization { get; init; }

    public ModelSpec Build()
    {
        int queryHeads = KeyValueHeads * QueryHeadsPerGroup;
        LinearSpec embedding = Linear("embed", Hidden, Vocabulary, SplitRule.Column(SplitUnit.Token), Quantization) with { HasBias = false };
        return new ModelSpec
        {
            Family = "llama",
            Architecture = "LlamaForCausalLM",
            HiddenSize = Hidden,
            VocabularySize = Vocabulary,
            MaxContextLength = 4096,
            Embedding = embedding,
            Layers = [.. Enumerable.Range(0, Layers).Select(layer => Layer(layer, queryHeads))],
            FinalNorm = Norm("norm"),
            Head = IsTied ? embedding : embedding with { Path = "head" },
        };
    }

    private LayerSpec Layer(int index, int queryHeads)
    {
        QuantizationSpec? packing = index == Layers - 1 ? LastLayerQuantization ?? Quantization : Quantization;
        SplitRule keyValue = SplitRule.Column(SplitUnit.KeyValueHead, HeadSize);
        int queryWidth = queryHeads * HeadSize;
        int keyValueWidth = KeyValueHeads * HeadSize;
        return new LayerSpec(
            new GroupedQueryAttention
            {
                QueryHeadCount = queryHeads,
                KeyValueHeadCount = KeyValueHeads,
                HeadSize = HeadSize,
                SlidingWindow = Windows?.ElementAtOrDefault(index),
                Rope = new RopeSpec(10000),
                Norm = Norm($"{index}.norm1"),
                Query = Linear($"{index}.q", Hidden, queryWidth, SplitRule.Column(SplitUnit.QueryHead, HeadSize), packing),
                Key = Linear($"{index}.k", Hidden, keyValueWidth, keyValue, packing),
                Value = Linear($"{index}.v", Hidden, keyValueWidth, keyValue, packing),
                Output = Linear($"{index}.o", queryWidth, Hidden, SplitRule.Row(SplitUnit.QueryHead, HeadSize), packing),
            },
            new GatedFeedForward
            {
                Norm = Norm($"{index}.norm2"),
                Gate = Linear($"{index}.gate", Hidden, Channels, SplitRule.Column(SplitUnit.Channel), packing),
                Up = Linear($"{index}.up", Hidden, Channels, SplitRule.Column(SplitUnit.Channel), packing),
                Down = Linear($"{index}.down", Channels, Hidden, SplitRule.Row(SplitUnit.Channel), packing),
            });
    }

    private NormSpec Norm(string name) => new(name, Hidden, 1e-5f) { StoredType = Type };

    private LinearSpec Linear(string path, int inputs, int outputs, SplitRule split, QuantizationSpec? packing) => new()
    {
        Path = path,
        InputSize = inputs,
        OutputSize = outputs,
        Split = split,
        HasBias = HasBias,
        Quantization = packing,
        StoredType = Type,
    };
}
