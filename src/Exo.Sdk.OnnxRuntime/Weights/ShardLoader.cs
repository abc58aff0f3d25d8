using System.Collections.Immutable;
using Exo.Sdk.Backends;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>Reads one rank's slices of a model's weights.</summary>
internal sealed class ShardLoader
{
    private readonly ModelSpec _spec;
    private readonly ShardAssignment _assignment;
    private readonly WeightSource _source;
    private readonly IProgress<LoadProgress>? _progress;
    private readonly CancellationToken _cancellationToken;
    private readonly List<WeightMatrix> _matrices = [];
    private readonly long _totalBytes;
    private long _loadedBytes;

    private ShardLoader(
        ModelSpec spec, ShardAssignment assignment, WeightSource source, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        _spec = spec;
        _assignment = assignment;
        _source = source;
        _progress = progress;
        _cancellationToken = cancellationToken;
        _totalBytes = spec.Linears.Sum(linear => LinearSlices.Of(linear, assignment).ByteCount);
    }

    /// <summary>Reads everything the rank holds.</summary>
    /// <returns>The weights; the caller disposes them.</returns>
    /// <exception cref="ModelFormatException">A weight is missing or has another shape than the model says.</exception>
    internal static ShardWeights Load(
        ModelSpec spec, ShardAssignment assignment, WeightSource source, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        ShardLoader loader = new(spec, assignment, source, progress, cancellationToken);
        try
        {
            return loader.Load();
        }
        catch
        {
            loader._matrices.ForEach(matrix => matrix.Dispose());
            throw;
        }
    }

    private ShardWeights Load()
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

    // Whatever is named here has its nodes in ShardGraphs.
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
        GatedFeedForward gated => new GatedWeights(Norm(gated.Norm), Matrix(gated.Gate), Matrix(gated.Up), Matrix(gated.Down)),
        _ => throw new UnsupportedModelException(part.Kind, [ModelFeatures.GroupedQueryAttention, ModelFeatures.GatedFeedForward]),
    };

    private NormWeights Norm(NormSpec norm)
    {
        Check(norm.WeightName, null, [norm.Size]);
        float[] values = new float[norm.Size];
        _source.ReadFloat32(norm.WeightName, TensorSlice.OfRows(IndexRange.All(norm.Size)), values);
        return new NormWeights(values, norm.Epsilon);
    }

    private WeightMatrix Matrix(LinearSpec linear)
    {
        _cancellationToken.ThrowIfCancellationRequested();
        LinearSlices slices = LinearSlices.Of(linear, _assignment);
        WeightMatrix matrix = linear.Quantization is { } packing ? PackedFormat.Of(packing.Format).Read(this, slices, packing) : Plain(slices);
        _matrices.Add(matrix);
        _loadedBytes += slices.ByteCount;
        _progress?.Report(new LoadProgress(_loadedBytes, _totalBytes));
        return matrix;
    }

    private PlainMatrix Plain(LinearSlices slices)
    {
        LinearSpec linear = slices.Linear;
        ElementType type = Check(linear.WeightName, null, [linear.OutputSize, linear.InputSize]);
        float[]? bias = Bias(slices);
        long count = (long)slices.Outputs.Count * slices.Inputs.Count;
        WeightBytes weights = type == ElementType.Float32
            ? WeightBytes.Load(_source, linear.WeightName, slices.Weight, count * sizeof(float), _cancellationToken)
            : WeightBytes.LoadFloats(_source, linear.WeightName, slices.Weight, count, _cancellationToken);
        return new PlainMatrix(slices.Outputs.Count, slices.Inputs.Count, weights, bias);
    }

    /// <summary>A packed matrix's words.</summary>
    internal WeightBytes Words(LinearSlices slices, QuantizationSpec packing)
    {
        LinearSpec linear = slices.Linear;
        Check(linear.WeightName, ElementType.UInt32, [linear.OutputSize, (int)((long)linear.InputSize * packing.Bits / 32)]);
        long byteCount = (long)slices.Outputs.Count * slices.Inputs.Count * packing.Bits / 8;
        return WeightBytes.Load(_source, linear.WeightName, slices.Weight, byteCount, _cancellationToken);
    }

    /// <summary>A number of each group, in single precision.</summary>
    internal WeightBytes Groups(string name, LinearSlices slices, QuantizationSpec packing)
    {
        LinearSpec linear = slices.Linear;
        Check(name, null, [linear.OutputSize, linear.InputSize / packing.GroupSize]);
        long count = (long)slices.Outputs.Count * (slices.Inputs.Count / packing.GroupSize);
        return WeightBytes.LoadFloats(_source, name, slices.Groups!.Value, count, _cancellationToken);
    }

    /// <summary>The rank's part of the bias; null where it adds none: of a row-parallel matrix the first rank adds the whole, so that the sum holds it once.</summary>
    internal float[]? Bias(LinearSlices slices)
    {
        LinearSpec linear = slices.Linear;
        if (slices.Bias is not { } slice || (linear.Split.Axis == SplitAxis.Row && _assignment.Rank != 0))
        {
            return null;
        }

        Check(linear.BiasName, null, [linear.OutputSize]);
        float[] bias = new float[slices.Outputs.Count];
        _source.ReadFloat32(linear.BiasName, slice, bias);
        return bias;
    }

    private ElementType Check(string name, ElementType? type, ImmutableArray<int> shape) => ShardRules.CheckTensor(_source, name, type, shape);
}
