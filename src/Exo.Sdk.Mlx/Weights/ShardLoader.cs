using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx.Weights;

/// <summary>
/// Reads one rank's slices of a model's weights into arrays of MLX, on the shard's thread. Plain numbers, scales and group biases are
/// converted to the type that is computed in; packed words and scale bytes stay as they are.
/// </summary>
internal sealed unsafe class ShardLoader : IDisposable
{
    private readonly ModelSpec _spec;
    private readonly ShardAssignment _assignment;
    private readonly WeightSource _source;
    private readonly MlxOperations _operations;
    private readonly MlxType _type;
    private readonly ArrayScope _arrays;
    private readonly IProgress<LoadProgress>? _progress;
    private readonly CancellationToken _cancellationToken;
    private readonly long _totalBytes;
    private readonly Dictionary<(RopeSpec Rope, int HeadSize), MlxArray> _periods = [];
    private long _loadedBytes;
    private long _byteCount;
    private byte* _scratch;
    private nuint _scratchBytes;

    private ShardLoader(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource source,
        MlxOperations operations,
        MlxType type,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        _spec = spec;
        _assignment = assignment;
        _source = source;
        _operations = operations;
        _type = type;
        _progress = progress;
        _cancellationToken = cancellationToken;
        _arrays = new ArrayScope(operations.Api);
        _totalBytes = spec.Linears.Sum(linear => LinearSlices.Of(linear, assignment).ByteCount);
    }

    /// <summary>Reads everything the rank holds.</summary>
    /// <returns>The weights; the caller disposes them.</returns>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the model says.</exception>
    internal static ShardWeights Load(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource source,
        MlxOperations operations,
        MlxType type,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        using ShardLoader loader = new(spec, assignment, source, operations, type, progress, cancellationToken);
        try
        {
            return loader.Load();
        }
        catch
        {
            loader._arrays.Dispose();
            throw;
        }
    }

    public void Dispose() => NativeMemory.Free(_scratch);

    private ShardWeights Load()
    {
        MlxMatrix embedding = Matrix(_spec.Embedding);
        PartWeights[] parts = [.. _spec.Layers.SelectMany(static layer => layer.Parts).Select(Part)];
        MlxMatrix head = _spec.IsHeadTied ? embedding : Matrix(_spec.Head);
        NormWeights finalNorm = Norm(_spec.FinalNorm);
        return new ShardWeights(_arrays)
        {
            Embedding = embedding,
            Parts = parts,
            FinalNorm = finalNorm,
            Head = head,
            ByteCount = _byteCount,
        };
    }

    // Whatever is named here has a pass in Layers.
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
            attention.KeyNorm is { } keyNorm ? Norm(keyNorm) : null,
            attention.Rope is { } rope ? Periods(rope, attention.HeadSize) : MlxArray.None),
        GatedFeedForward gated => new GatedWeights(Norm(gated.Norm), Matrix(gated.Gate), Matrix(gated.Up), Matrix(gated.Down)),
        _ => throw new UnsupportedModelException(part.Kind, [ModelFeatures.GroupedQueryAttention, ModelFeatures.GatedFeedForward]),
    };

    private NormWeights Norm(NormSpec norm) =>
        new(Numbers(norm.WeightName, [norm.Size], TensorSlice.OfRows(IndexRange.All(norm.Size)), norm.Size), norm.Epsilon);

    private MlxArray Periods(RopeSpec rope, int headSize)
    {
        if (!_periods.TryGetValue((rope, headSize), out MlxArray periods))
        {
            float[] values = RopePeriods.Compute(rope, headSize);
            periods = Keep(_operations.Data<float>(values, MlxType.Float32, values.Length));
            _periods.Add((rope, headSize), periods);
        }

        return periods;
    }

    private MlxMatrix Matrix(LinearSpec linear)
    {
        _cancellationToken.ThrowIfCancellationRequested();
        LinearSlices slices = LinearSlices.Of(linear, _assignment);
        MlxMatrix matrix = linear.Quantization is { } packing ? Packed(slices, packing) : Dense(slices);
        _loadedBytes += slices.ByteCount;
        _progress?.Report(new LoadProgress(_loadedBytes, _totalBytes));
        return matrix;
    }

    private DenseMatrix Dense(LinearSlices slices)
    {
        LinearSpec linear = slices.Linear;
        MlxArray weight = Numbers(
            linear.WeightName, [linear.OutputSize, linear.InputSize], slices.Weight, slices.Outputs.Count, slices.Inputs.Count);
        MlxArray transposed = Keep(_operations.Transpose(weight, 1, 0));
        return new DenseMatrix(weight, transposed) { Bias = Bias(slices) };
    }

    private PackedMatrix Packed(LinearSlices slices, QuantizationSpec packing)
    {
        LinearSpec linear = slices.Linear;
        int groups = slices.Inputs.Count / packing.GroupSize;
        int wordCount = (int)((long)slices.Inputs.Count * packing.Bits / 32);
        Check(linear.WeightName, ElementType.UInt32, [linear.OutputSize, (int)((long)linear.InputSize * packing.Bits / 32)]);
        MlxArray words = Keep(Read(linear.WeightName, slices.Weight, ElementType.UInt32, slices.Outputs.Count, wordCount));
        ImmutableArray<int> groupShape = [linear.OutputSize, linear.InputSize / packing.GroupSize];
        TensorSlice groupSlice = slices.Groups!.Value;
        MlxArray scales = packing.Format.ScaleType is { } scaleType
            ? CodedScales(linear.ScalesName, scaleType, groupShape, groupSlice, slices.Outputs.Count, groups)
            : Numbers(linear.ScalesName, groupShape, groupSlice, slices.Outputs.Count, groups);
        MlxArray groupBiases = packing.Format.HasGroupBiases
            ? Numbers(linear.GroupBiasesName, groupShape, groupSlice, slices.Outputs.Count, groups)
            : MlxArray.None;
        _byteCount += (long)slices.Outputs.Count * wordCount * sizeof(uint);
        return new PackedMatrix(words, scales, groupBiases, packing, _type) { Bias = Bias(slices) };
    }

    private MlxArray CodedScales(string name, ElementType type, ImmutableArray<int> storedShape, in TensorSlice slice, int outputs, int groups)
    {
        Check(name, type, storedShape);
        _byteCount += (long)outputs * groups * type.SizeInBytes();
        return Keep(Read(name, slice, type, outputs, groups));
    }

    // Of a row-parallel matrix the first rank adds the whole bias, so that the sum over ranks holds it once.
    private MlxArray Bias(LinearSlices slices)
    {
        LinearSpec linear = slices.Linear;
        return slices.Bias is not { } slice || (linear.Split.Axis == SplitAxis.Row && _assignment.Rank != 0)
            ? MlxArray.None
            : Numbers(linear.BiasName, [linear.OutputSize], slice, slices.Outputs.Count);
    }

    // Floating-point numbers in the type that is computed in.
    private MlxArray Numbers(string name, ImmutableArray<int> storedShape, in TensorSlice slice, params ReadOnlySpan<int> shape)
    {
        ElementType stored = Check(name, null, storedShape);
        MlxArray array = Read(name, slice, stored, shape);
        MlxArray converted = _operations.AsType(array, _type);
        if (converted != array)
        {
            // Computed now, so that the stored form goes before the next is read.
            _operations.Eval(converted);
            _operations.Scope.Free(array);
        }

        long count = 1;
        foreach (int dimension in shape)
        {
            count *= dimension;
        }

        _byteCount += count * (_type == MlxType.Float32 ? 4 : 2);
        return Keep(converted);
    }

    // Copied straight from the mapped file where it lies there in one piece.
    private MlxArray Read(string name, in TensorSlice slice, ElementType stored, params ReadOnlySpan<int> shape)
    {
        MlxType type = stored switch
        {
            ElementType.Float32 => MlxType.Float32,
            ElementType.Float16 => MlxType.Float16,
            ElementType.BFloat16 => MlxType.BFloat16,
            ElementType.UInt8 => MlxType.UInt8,
            _ => MlxType.UInt32,
        };
        if (_source.TryMap(name, slice, out MappedBytes mapped))
        {
            return _operations.Data((void*)mapped.Address, type, shape);
        }

        int rows = slice.RowCount;
        long byteCount = stored.SizeInBytes();
        foreach (int dimension in shape)
        {
            byteCount *= dimension;
        }

        if (_scratchBytes < (nuint)byteCount)
        {
            _scratch = (byte*)NativeMemory.Realloc(_scratch, (nuint)byteCount);
            _scratchBytes = (nuint)byteCount;
        }

        long rowBytes = rows == 0 ? 0 : byteCount / rows;
        int rowsAtOnce = (int)Math.Clamp((64L << 20) / Math.Max(rowBytes, 1), 1, int.MaxValue);
        long written = 0;
        foreach (IndexRange range in slice.Rows)
        {
            for (int first = range.Start; first < range.End; first += rowsAtOnce)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                int count = Math.Min(rowsAtOnce, range.End - first);
                int pieceBytes = checked((int)(count * rowBytes));
                TensorSlice piece = new([new IndexRange(first, count)], slice.Columns);
                _source.Read(name, piece, new Span<byte>(_scratch + written, pieceBytes));
                written += pieceBytes;
            }
        }

        return _operations.Data(_scratch, type, shape);
    }

    // What is kept moves from the operations' scope, which a failure empties, to the weights'.
    private MlxArray Keep(MlxArray array) => _arrays.Own(_operations.Scope.Release(array));

    private ElementType Check(string name, ElementType? type, ImmutableArray<int> shape) => ShardRules.CheckTensor(_source, name, type, shape);
}
