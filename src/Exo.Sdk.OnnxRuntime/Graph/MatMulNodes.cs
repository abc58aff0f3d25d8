using Exo.Sdk.OnnxRuntime.Weights;
using DataType = Exo.Sdk.OnnxRuntime.Graph.TensorProto.Types.DataType;

namespace Exo.Sdk.OnnxRuntime.Graph;

/// <summary>
/// Adds matrix products to graphs: <c>FusedMatMul</c> for plain weights, <c>MatMulNBits</c> for packed ones. The latter has no biases
/// per group, so MLX's w = s·q + β is computed exactly as s·(q − z) + (β + z·s): its symmetric product, plus a small one of the groups'
/// offsets with the sums of x over the groups. Weights stay in memory outside the graphs.
/// </summary>
internal sealed class MatMulNodes(ActivationPrecision activations)
{
    // MatMulNBits' names for what it computes with: single precision, and x rounded to 8-bit integers.
    private const int SingleAccuracy = 1;
    private const int IntegerAccuracy = 4;

    private readonly List<ExternalTensor> _tensors = [];
    private readonly HashSet<string> _sums = [];

    /// <summary>The tensors that the graphs take from memory.</summary>
    internal IReadOnlyList<ExternalTensor> Tensors => _tensors;

    /// <summary>Adds the nodes of y = W·x + b for <c>[1, tokens, inputs]</c>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">The name of y.</param>
    /// <param name="matrix">W and b.</param>
    /// <param name="x">The name of x.</param>
    /// <returns>The name of y.</returns>
    internal string Add(GraphBuilder graph, string name, WeightMatrix matrix, string x)
    {
        string product = matrix.Bias is null ? name : name + ".product";
        if (matrix is AffineMatrix affine)
        {
            AddAffine(graph, product, affine, x);
        }
        else
        {
            Multiply(graph, product, x, External(graph, name + ".weight", DataType.Float, ((PlainMatrix)matrix).Weights, matrix.OutputCount, matrix.InputCount));
        }

        return matrix.Bias is { } bias
            ? graph.Node(name, "", "Add", [product, graph.Constant(name + ".bias", bias, bias.Length)])
            : name;
    }

    private void AddAffine(GraphBuilder graph, string name, AffineMatrix matrix, string x)
    {
        int groups = matrix.GroupCount;
        string packed = External(
            graph, name + ".packed", DataType.Uint8, matrix.Words, matrix.OutputCount, groups, matrix.GroupSize * matrix.Bits / 8);
        string scales = External(graph, name + ".scales", DataType.Float, matrix.Scales, (long)matrix.OutputCount * groups);
        string offsets = External(graph, name + ".offsets", DataType.Float, matrix.Offsets, matrix.OutputCount, groups);
        string symmetric = graph.Node(
            name + ".symmetric",
            GraphBuilder.Microsoft,
            "MatMulNBits",
            [x, packed, scales],
            GraphBuilder.Attribute("K", matrix.InputCount),
            GraphBuilder.Attribute("N", matrix.OutputCount),
            GraphBuilder.Attribute("bits", matrix.Bits),
            GraphBuilder.Attribute("block_size", matrix.GroupSize),
            GraphBuilder.Attribute("accuracy_level", activations == ActivationPrecision.Int8 ? IntegerAccuracy : SingleAccuracy));
        string rest = Multiply(graph, name + ".rest", GroupSums(graph, x, matrix.GroupSize), offsets);
        graph.Node(name, "", "Add", [symmetric, rest]);
    }

    // Products of the same x share its sums.
    private string GroupSums(GraphBuilder graph, string x, int groupSize)
    {
        string name = $"{x}.sums_of_{groupSize}";
        if (_sums.Add($"{graph.Name}.{name}"))
        {
            string groups = graph.Node(name + ".groups", "", "Reshape", [x, graph.Constant(name + ".shape", [0, 0, -1, groupSize])]);
            graph.Node(name, "", "ReduceSum", [groups, graph.Constant(name + ".axis", [3])], GraphBuilder.Attribute("keepdims", 0));
        }

        return name;
    }

    // x·Wᵀ: weights are stored with one row per output.
    private static string Multiply(GraphBuilder graph, string name, string x, string weights) =>
        graph.Node(name, GraphBuilder.Microsoft, "FusedMatMul", [x, weights], GraphBuilder.Attribute("transB", 1));

    private unsafe string External(GraphBuilder graph, string name, DataType type, WeightBytes bytes, params long[] shape)
    {
        _tensors.Add(new ExternalTensor(name, (nint)bytes.Address, bytes.ByteCount));
        return graph.External(name, type, bytes.ByteCount, shape);
    }
}

/// <summary>A constant of a graph that stays in memory outside it.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Address">Where it lies, as long as the session lives.</param>
/// <param name="ByteCount">Its size.</param>
internal sealed record ExternalTensor(string Name, nint Address, long ByteCount);
