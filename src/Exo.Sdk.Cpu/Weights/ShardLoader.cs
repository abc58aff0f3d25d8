using System.Collections.Immutable;
using Exo.Sdk.Backends;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>Reads one rank's slices of a model's weights, on all processors at once.</summary>
internal sealed class ShardLoader
{
    private readonly ModelSpec _spec;
    private readonly ShardAssignment _assignment;
    private readonly WeightSource _source;
    private readonly List<WeightMatrix> _matrices = [];
    private readonly List<NativeBlock> _blocks = [];
    private readonly List<PanelCopy> _copies = [];
    private long _bytesRead;

    private ShardLoader(ModelSpec spec, ShardAssignment assignment, WeightSource source, bool integers, int lanes)
    {
        _spec = spec;
        _assignment = assignment;
        _source = source;
        TakesIntegers = integers;
        Lanes = lanes;
    }

    /// <summary>Reads everything the rank holds.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="source">Where from.</param>
    /// <param name="integers">Whether packed matrices take 8-bit inputs.</param>
    /// <param name="lanes">Rows of a panel.</param>
    /// <param name="processors">The processors to read on, or null for all.</param>
    /// <param name="progress">Told of bytes, from any thread.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The weights; the caller disposes them.</returns>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the model says.</exception>
    internal static ShardWeights Load(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource source,
        bool integers,
        int lanes,
        int[]? processors,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        ShardLoader loader = new(spec, assignment, source, integers, lanes);
        try
        {
            ShardWeights weights = loader.Describe();
            PanelCopies.Run(loader._copies, source, loader._bytesRead, progress, processors, cancellationToken);
            return weights;
        }
        catch
        {
            loader._blocks.ForEach(block => block.Dispose());
            throw;
        }
    }

    // Takes the memory and notes what is to be read into it.
    private ShardWeights Describe()
    {
        WeightMatrix embedding = Matrix(_spec.Embedding);
        PartWeights[] parts = [.. _spec.Layers.SelectMany(static layer => layer.Parts).Select(Part)];
        return new ShardWeights(_matrices)
        {
            Embedding = embedding,
            Parts = parts,
            FinalNorm = Norm(_spec.FinalNorm),
            Head = _spec.IsHeadTied ? embedding : Matrix(_spec.Head),
        };
    }

    // Whatever is named here has a kernel in Layers.
    private PartWeights Part(LayerPart part) => part switch
    {
        GroupedQueryAttention attention => new AttentionWeights(
            attention,
            Norm(attention.Norm),
            Matrix(attention.Query),
            Matrix(attention.Key),
            Matrix(attention.Value),
            Matrix(attention.Output),
            attention.QueryNorm is { } queryNorm ? Norm(queryNorm) : null,
            attention.KeyNorm is { } keyNorm ? Norm(keyNorm) : null),
        GatedFeedForward gated => new GatedWeights(gated, Norm(gated.Norm), Matrix(gated.Gate), Matrix(gated.Up), Matrix(gated.Down)),
        _ => throw new UnsupportedModelException(part.Kind, [ModelFeatures.GroupedQueryAttention, ModelFeatures.GatedFeedForward]),
    };

    private NormWeights Norm(NormSpec norm) =>
        new(Vector(norm.WeightName, norm.Size, TensorSlice.OfRows(IndexRange.All(norm.Size)), norm.Size), norm.Epsilon);

    private WeightMatrix Matrix(LinearSpec linear)
    {
        LinearSlices slices = LinearSlices.Of(linear, _assignment);
        WeightMatrix matrix = linear.Quantization is { } packing ? PackedFormat.Of(packing.Format).Describe(this, slices, packing) : Plain(slices);
        _matrices.Add(matrix);
        return matrix;
    }

    private WeightMatrix Plain(LinearSlices slices)
    {
        LinearSpec linear = slices.Linear;
        ElementType type = Check(linear.WeightName, null, [linear.OutputSize, linear.InputSize]);
        int inputs = slices.Inputs.Count;
        long size = type.SizeInBytes();
        NativeBlock words = Panels(linear.WeightName, slices.Weight, inputs * size, Units.Pad(inputs) * size, sizeof(uint));
        return MatrixFactory.CreatePlain(Lanes, slices.Outputs.Count, inputs, type, words, Bias(slices));
    }

    /// <summary>Whether packed matrices take 8-bit inputs.</summary>
    internal bool TakesIntegers { get; }

    /// <summary>Rows of a panel.</summary>
    internal int Lanes { get; }

    /// <summary>The memory for a packed matrix's words.</summary>
    internal NativeBlock Words(LinearSlices slices, QuantizationSpec packing)
    {
        LinearSpec linear = slices.Linear;
        Check(linear.WeightName, ElementType.UInt32, [linear.OutputSize, (int)((long)linear.InputSize * packing.Bits / 32)]);
        long rowBytes = (long)slices.Inputs.Count * packing.Bits / 8;
        return Panels(linear.WeightName, slices.Weight, rowBytes, rowBytes, sizeof(uint));
    }

    /// <summary>The memory for a floating-point number of each group.</summary>
    internal GroupNumbers Groups(string name, LinearSlices slices, QuantizationSpec packing)
    {
        LinearSpec linear = slices.Linear;
        ElementType stored = Check(name, null, [linear.OutputSize, linear.InputSize / packing.GroupSize]);
        int groups = slices.Inputs.Count / packing.GroupSize;
        long rowBytes = (long)groups * stored.SizeInBytes();
        NativeBlock numbers = Panels(name, slices.Groups!.Value, rowBytes, rowBytes, stored.SizeInBytes());
        return new GroupNumbers(numbers, stored, groups);
    }

    /// <summary>Requires that a group's bias is stored as its scale is.</summary>
    internal void RequireSameType(ElementType scales, ElementType biases, string biasesName)
    {
        if (scales != biases)
        {
            throw new ModelFormatException(
                _source.Locate(biasesName), "scales and biases are stored in different element types", $"{scales}", $"{biases}", biasesName);
        }
    }

    /// <summary>The rank's part of the bias; null where it adds none: of a row-parallel matrix the first rank adds the whole, so that the sum holds it once.</summary>
    internal float[]? Bias(LinearSlices slices)
    {
        LinearSpec linear = slices.Linear;
        if (slices.Bias is not { } slice || (linear.Split.Axis == SplitAxis.Row && _assignment.Rank != 0))
        {
            return null;
        }

        return Vector(linear.BiasName, linear.OutputSize, slice, slices.Outputs.Count);
    }

    private NativeBlock Panels(string name, in TensorSlice slice, long rowBytes, long paddedRowBytes, int elementBytes)
    {
        long rows = (slice.RowCount + Lanes - 1) / Lanes * (long)Lanes;
        NativeBlock block = Take(checked(rows * paddedRowBytes));
        _copies.Add(new PanelCopy(name, slice, rowBytes, paddedRowBytes, elementBytes, Lanes, block));
        return block;
    }

    private NativeBlock Take(long byteCount)
    {
        NativeBlock block = new(byteCount);
        _blocks.Add(block);
        return block;
    }

    // Norms and biases are few; they are read at once.
    private float[] Vector(string name, int size, in TensorSlice slice, int count)
    {
        ElementType type = Check(name, null, [size]);
        float[] values = new float[count];
        _source.ReadFloat32(name, slice, values);
        _bytesRead += (long)count * type.SizeInBytes();
        return values;
    }

    private ElementType Check(string name, ElementType? type, ImmutableArray<int> shape) => ShardRules.CheckTensor(_source, name, type, shape);
}
