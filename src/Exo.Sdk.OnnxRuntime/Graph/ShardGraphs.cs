using System.Globalization;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Native;
using Exo.Sdk.OnnxRuntime.Weights;
using Exo.Sdk.Planning;
using DataType = Exo.Sdk.OnnxRuntime.Graph.TensorProto.Types.DataType;

namespace Exo.Sdk.OnnxRuntime.Graph;

/// <summary>
/// Builds the two graphs of a shard: all layers, and the head. The sums over ranks are nodes of the graph, so all layers are one run.
/// </summary>
internal sealed class ShardGraphs
{
    internal const string Hidden = "hidden";
    internal const string LastSequencePosition = "last_position";
    internal const string SequenceLength = "sequence_length";
    internal const string Result = "result";
    internal const string Logits = "logits";

    private readonly ModelSpec _spec;
    private readonly ShardAssignment _assignment;
    private readonly ShardWeights _weights;
    private readonly int _contextLength;
    private readonly bool _isAlone;
    private readonly MatMulNodes _matMuls;

    /// <summary>Prepares to build.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="weights">The rank's weights.</param>
    /// <param name="contextLength">The positions of a KV cache.</param>
    /// <param name="matMuls">How matrices are multiplied.</param>
    internal ShardGraphs(ModelSpec spec, ShardAssignment assignment, ShardWeights weights, int contextLength, MatMulNodes matMuls)
    {
        _spec = spec;
        _assignment = assignment;
        _weights = weights;
        _contextLength = contextLength;
        _isAlone = assignment.WorldSize == 1;
        _matMuls = matMuls;
    }

    internal static string PastKey(int cache) => Name($"past_key.{cache}");

    internal static string PastValue(int cache) => Name($"past_value.{cache}");

    internal static string PresentKey(int cache) => Name($"present_key.{cache}");

    internal static string PresentValue(int cache) => Name($"present_value.{cache}");

    /// <summary>Residual stream in, residual stream out: <c>[1, tokens, hidden]</c>, with the KV cache of one sequence.</summary>
    internal byte[] BuildLayers()
    {
        GraphBuilder graph = new("layers");
        string residual = graph.Input(Hidden, DataType.Float, 1, -1, _spec.HiddenSize);
        graph.Input(LastSequencePosition, DataType.Int32, 1);
        graph.Input(SequenceLength, DataType.Int32, 1);
        Dictionary<(RopeSpec Rope, int HeadSize), (string Cosines, string Sines)> ropes = [];
        string? partial = null;
        int attentions = 0;
        for (int i = 0; i < _weights.Parts.Count; i++)
        {
            PartWeights part = _weights.Parts[i];
            string name = Name($"layer.{i / 2}");
            string kind = part is AttentionWeights ? ".attention" : ".feed_forward";
            string x = AddAndNorm(graph, name + kind + "_norm", partial, ref residual, part.Norm);
            string result = part switch
            {
                AttentionWeights attention => Attention(graph, name, attentions++, attention, x, ropes),
                GatedWeights gated => FeedForward(graph, name, gated, x),
                _ => throw new InvalidOperationException($"There are no nodes for {part.GetType().Name}."),
            };
            partial = AllReduce(graph, name + kind, result);
        }

        graph.Node(Result, "", partial is null ? "Identity" : "Add", partial is null ? [residual] : [partial, residual]);
        graph.Output(Result, DataType.Float, 1, -1, _spec.HiddenSize);
        return graph.Build();
    }

    /// <summary>The rank's part of the logits <c>[1, 1, tokens]</c> of one position.</summary>
    internal byte[] BuildHead()
    {
        GraphBuilder graph = new("head");
        string hidden = graph.Input(Hidden, DataType.Float, 1, -1, _spec.HiddenSize);
        string x = Norm(graph, "final_norm", hidden, _weights.FinalNorm);
        Linear(graph, Logits, _weights.Head, x);
        graph.Output(Logits, DataType.Float, 1, -1, _weights.Head.OutputCount);
        return graph.Build();
    }

    private string Attention(
        GraphBuilder graph,
        string name,
        int index,
        AttentionWeights weights,
        string x,
        Dictionary<(RopeSpec Rope, int HeadSize), (string Cosines, string Sines)> ropes)
    {
        GroupedQueryAttention attention = weights.Spec;
        string query = HeadNorm(graph, name + ".query_norm", Linear(graph, name + ".query", weights.Query, x), weights.QueryNorm);
        string key = HeadNorm(graph, name + ".key_norm", Linear(graph, name + ".key", weights.Key, x), weights.KeyNorm);
        string value = Linear(graph, name + ".value", weights.Value, x);
        query = HeadPadding.Pad(graph, query, attention.HeadSize);
        key = HeadPadding.Pad(graph, key, attention.HeadSize);
        value = HeadPadding.Pad(graph, value, attention.HeadSize);
        (string cosines, string sines) = attention.Rope is { } rope ? RopeOf(graph, rope, attention.HeadSize, ropes) : ("", "");

        ReadOnlySpan<long> cache = [1, _assignment.KeyValueHeads.Count, _contextLength, HeadPadding.PaddedSize(attention.HeadSize)];
        graph.Input(PastKey(index), DataType.Float, cache);
        graph.Input(PastValue(index), DataType.Float, cache);
        graph.Output(PresentKey(index), DataType.Float, cache);
        graph.Output(PresentValue(index), DataType.Float, cache);
        graph.Node(
            name + ".attend",
            GraphBuilder.Microsoft,
            "GroupQueryAttention",
            [query, key, value, PastKey(index), PastValue(index), LastSequencePosition, SequenceLength, cosines, sines],
            [name + ".attend", PresentKey(index), PresentValue(index)],
            GraphBuilder.Attribute("num_heads", _assignment.QueryHeads.Count),
            GraphBuilder.Attribute("kv_num_heads", _assignment.KeyValueHeads.Count),
            GraphBuilder.Attribute("scale", attention.Scale),
            GraphBuilder.Attribute("do_rotary", attention.Rope is null ? 0 : 1),
            GraphBuilder.Attribute("local_window_size", attention.SlidingWindow ?? -1));
        return Linear(graph, name + ".output", weights.Output, HeadPadding.Strip(graph, name + ".attend", attention.HeadSize));
    }

    // Layers of equal ropes share a table.
    private (string Cosines, string Sines) RopeOf(
        GraphBuilder graph, RopeSpec rope, int headSize, Dictionary<(RopeSpec Rope, int HeadSize), (string Cosines, string Sines)> ropes)
    {
        if (!ropes.TryGetValue((rope, headSize), out (string Cosines, string Sines) names))
        {
            RopeTable table = RopeTable.Create(rope, headSize, HeadPadding.PaddedSize(headSize), _contextLength);
            names = (
                graph.Constant(Name($"cosines.{ropes.Count}"), table.Cosines, _contextLength, table.Width),
                graph.Constant(Name($"sines.{ropes.Count}"), table.Sines, _contextLength, table.Width));
            ropes.Add((rope, headSize), names);
        }

        return names;
    }

    private string FeedForward(GraphBuilder graph, string name, GatedWeights layer, string x)
    {
        string gate = Linear(graph, name + ".gate", layer.Gate, x);
        string up = Linear(graph, name + ".up", layer.Up, x);
        string silu = graph.Node(name + ".silu", GraphBuilder.Microsoft, "QuickGelu", [gate], GraphBuilder.Attribute("alpha", 1f));
        string gated = graph.Node(name + ".gated", "", "Mul", [silu, up]);
        return Linear(graph, name + ".down", layer.Down, gated);
    }

    // The residual stream takes the layer's result in, and the next block gets its norm.
    private static string AddAndNorm(GraphBuilder graph, string name, string? addend, ref string residual, NormWeights norm)
    {
        if (addend is null)
        {
            return Norm(graph, name, residual, norm);
        }

        string sum = name + ".residual";
        graph.Node(
            name,
            GraphBuilder.Microsoft,
            "SkipSimplifiedLayerNormalization",
            [addend, residual, graph.Constant(name + ".weight", norm.Weight, norm.Weight.Length)],
            [name, "", "", sum],
            GraphBuilder.Attribute("epsilon", norm.Epsilon));
        residual = sum;
        return name;
    }

    private static string Norm(GraphBuilder graph, string name, string x, NormWeights norm) => graph.Node(
        name,
        "",
        "SimplifiedLayerNormalization",
        [x, graph.Constant(name + ".weight", norm.Weight, norm.Weight.Length)],
        GraphBuilder.Attribute("epsilon", norm.Epsilon),
        GraphBuilder.Attribute("axis", -1));

    // Norms every head for itself: [1, tokens, heads·size] → [1, tokens, heads, size] and back.
    private static string HeadNorm(GraphBuilder graph, string name, string x, NormWeights? norm)
    {
        if (norm is null)
        {
            return x;
        }

        string heads = graph.Node(name + ".heads", "", "Reshape", [x, graph.Constant(name + ".heads_shape", [0, 0, -1, norm.Weight.Length])]);
        string normed = Norm(graph, name, heads, norm);
        return graph.Node(name + ".joined", "", "Reshape", [normed, graph.Constant(name + ".joined_shape", [0, 0, -1])]);
    }

    private string Linear(GraphBuilder graph, string name, WeightMatrix matrix, string x) => _matMuls.Add(graph, name, matrix, x);

    private string AllReduce(GraphBuilder graph, string name, string x) =>
        _isAlone ? x : graph.Node(name + ".all_reduce", AllReduceOperator.Domain, AllReduceOperator.Name, [x]);

    private static string Name(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
