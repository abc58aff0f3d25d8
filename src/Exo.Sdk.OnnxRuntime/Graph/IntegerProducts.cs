using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Kernels;
using Exo.Sdk.OnnxRuntime.Native;
using Exo.Sdk.OnnxRuntime.Weights;
using DataType = Exo.Sdk.OnnxRuntime.Graph.TensorProto.Types.DataType;

namespace Exo.Sdk.OnnxRuntime.Graph;

/// <summary>
/// Products of ONNX Runtime's own with activations rounded to 8-bit integers. Its operator has no biases per group, so MLX's affine
/// packing w = s·q + β is computed exactly as s·(q − z) + (β + z·s): the operator's symmetric product, plus a small one with the sums
/// of x over the groups. Owns the scales and the offsets; the packed values stay where they are, and ONNX Runtime copies them.
/// </summary>
internal sealed unsafe class IntegerProducts(StepState state) : IDisposable
{
    // ONNX Runtime's name for 8-bit activations.
    private const int IntegerAccuracy = 4;

    private readonly List<WeightMatrix> _offsets = [];
    private readonly List<NativeFloats> _scales = [];
    private readonly List<ExternalTensor> _tensors = [];
    private readonly HashSet<string> _sums = [];

    /// <summary>The tensors that the graphs take from memory.</summary>
    internal IReadOnlyList<ExternalTensor> Tensors => _tensors;

    /// <summary>Scales and offsets, and ONNX Runtime's copies of the packed values.</summary>
    internal long ByteCount { get; private set; }

    /// <summary>Adds the nodes of y = W·x + b.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="name">The name of y.</param>
    /// <param name="matrix">W and b.</param>
    /// <param name="weights">The parts of W.</param>
    /// <param name="x">The name of x.</param>
    /// <param name="addKernel">Adds a node that is computed in C#: its name, operator, kernel and input.</param>
    /// <returns>The name of y.</returns>
    internal string Add(
        GraphBuilder graph, string name, WeightMatrix matrix, IAffineWeights weights, string x, Func<string, string, GraphKernel, string, string> addKernel)
    {
        int groups = matrix.InputCount / weights.GroupSize;
        int groupBytes = weights.GroupSize * weights.Bits / 8;
        NativeFloats scales = new((long)matrix.OutputCount * groups);
        _scales.Add(scales);
        WeightMatrix offsets = Offsets(matrix, weights, scales);
        _offsets.Add(offsets);
        long packedBytes = (long)matrix.OutputCount * groups * groupBytes;
        ByteCount += packedBytes + scales.ByteCount + offsets.ByteCount;

        string packed = External(graph, name + ".packed", DataType.Uint8, weights.Words, packedBytes, matrix.OutputCount, groups, groupBytes);
        string scaling = External(graph, name + ".scales", DataType.Float, (nint)scales.Address, scales.ByteCount, scales.Count);
        string symmetric = graph.Node(
            name + ".symmetric",
            GraphBuilder.Microsoft,
            "MatMulNBits",
            [x, packed, scaling],
            GraphBuilder.Attribute("K", matrix.InputCount),
            GraphBuilder.Attribute("N", matrix.OutputCount),
            GraphBuilder.Attribute("bits", weights.Bits),
            GraphBuilder.Attribute("block_size", weights.GroupSize),
            GraphBuilder.Attribute("accuracy_level", IntegerAccuracy));

        // Products of the same x share its sums.
        string sums = $"{graph.Name}.{x}.sums_of_{weights.GroupSize}";
        if (_sums.Add(sums))
        {
            addKernel(sums, CustomOperators.GroupSums, new GroupSumsKernel(matrix.InputCount, weights.GroupSize, state), x);
        }

        string offset = addKernel(name + ".offset", CustomOperators.Linear, new LinearKernel(offsets, state), sums);
        return graph.Node(name, "", "Add", [symmetric, offset]);
    }

    public void Dispose()
    {
        _offsets.ForEach(offsets => offsets.Dispose());
        _scales.ForEach(scales => scales.Dispose());
    }

    private string External(GraphBuilder graph, string name, DataType type, nint address, long byteCount, params long[] shape)
    {
        _tensors.Add(new ExternalTensor(name, address, byteCount));
        return graph.External(name, type, byteCount, shape);
    }

    // β + z·s, and b as the bias; writes s on the way.
    private static WeightMatrix Offsets(WeightMatrix matrix, IAffineWeights weights, NativeFloats scales)
    {
        int groups = matrix.InputCount / weights.GroupSize;
        float zero = 1 << (weights.Bits - 1);
        WeightBytes offsets = WeightBytes.Allocate(scales.ByteCount);
        for (int row = 0; row < matrix.OutputCount; row++)
        {
            Span<float> rowScales = new(scales.Address + ((long)row * groups), groups);
            Span<float> rowOffsets = new((float*)offsets.Address + ((long)row * groups), groups);
            weights.ReadGroups(row, rowScales, rowOffsets);
            for (int group = 0; group < groups; group++)
            {
                rowOffsets[group] += zero * rowScales[group];
            }
        }

        return MatrixFactory.CreateDense(matrix.OutputCount, groups, ElementType.Float32, offsets, matrix.Bias);
    }
}

/// <summary>A constant of a graph that stays in memory outside it.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Address">Where it lies, as long as the session lives.</param>
/// <param name="ByteCount">Its size.</param>
internal sealed record ExternalTensor(string Name, nint Address, long ByteCount);
