using System.Collections.Immutable;

namespace Exo.Sdk.Models;

/// <summary>A stored tensor's name, element type and shape.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its dimensions, outermost first.</param>
public sealed record TensorInfo(string Name, ElementType Type, ImmutableArray<int> Shape)
{
    /// <summary>The number of elements.</summary>
    public long ElementCount
    {
        get
        {
            long count = 1;
            foreach (int dimension in Shape)
            {
                count = checked(count * dimension);
            }

            return count;
        }
    }
}

/// <summary>
/// A part of a tensor of one or two dimensions: some row ranges (dimension 0), joined in order, and of each row a column range
/// (dimension 1; everything where null). Several row ranges cut a fused tensor into its segments.
/// </summary>
/// <param name="Rows">Row ranges, joined in this order.</param>
/// <param name="Columns">The columns, or null for whole rows.</param>
public readonly record struct TensorSlice(ImmutableArray<IndexRange> Rows, IndexRange? Columns = null)
{
    /// <summary>One range of whole rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <returns>The slice.</returns>
    public static TensorSlice OfRows(IndexRange rows) => new([rows]);

    /// <summary>A rectangle.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="columns">The columns.</param>
    /// <returns>The slice.</returns>
    public static TensorSlice Of(IndexRange rows, IndexRange columns) => new([rows], columns);

    /// <summary>The number of rows of all ranges together.</summary>
    public int RowCount
    {
        get
        {
            int count = 0;
            foreach (IndexRange range in Rows)
            {
                count += range.Count;
            }

            return count;
        }
    }
}

/// <summary>Bytes of a model file that are mapped into memory. Valid until the <see cref="WeightSource"/> is disposed.</summary>
/// <param name="Address">The first byte's address.</param>
/// <param name="ByteCount">The size in bytes.</param>
public readonly record struct MappedBytes(nint Address, long ByteCount);

/// <summary>
/// Hands out parts of a model's stored tensors. A rank asks only for its slices, and only those bytes of the
/// files are touched. Thread-safe. Bytes are little-endian, rows are contiguous.
/// </summary>
public abstract class WeightSource : IDisposable
{
    /// <summary>The names of all tensors.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>How many bytes of tensor data have been copied or mapped for callers so far.</summary>
    public abstract long BytesRead { get; }

    /// <summary>Whether a tensor of this name is stored.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <returns>True where it is.</returns>
    public abstract bool Contains(string name);

    /// <summary>A tensor's element type and shape.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <returns>Its description.</returns>
    /// <exception cref="ModelFormatException">There is no such tensor.</exception>
    public abstract TensorInfo Describe(string name);

    /// <summary>Says where a tensor is stored, for error messages.</summary>
    /// <param name="name">The tensor's name; it need not exist.</param>
    /// <returns>A file's path where the source reads files.</returns>
    public virtual string Locate(string name) => "the weights";

    /// <summary>Copies a slice in its stored element type, rows joined without gaps.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="slice">Which part.</param>
    /// <param name="destination">Exactly as many bytes as the slice holds.</param>
    /// <exception cref="ModelFormatException">There is no such tensor, or the slice lies outside it.</exception>
    public abstract void Read(string name, in TensorSlice slice, Span<byte> destination);

    /// <summary>Copies a slice of a floating-point tensor, widened exactly to single precision.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="slice">Which part.</param>
    /// <param name="destination">Exactly as many values as the slice holds.</param>
    /// <exception cref="ModelFormatException">There is no such tensor, it is not floating point, or the slice lies outside it.</exception>
    public abstract void ReadFloat32(string name, in TensorSlice slice, Span<float> destination);

    /// <summary>Points at a slice inside the mapped file, without a copy, where its bytes are contiguous there.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="slice">Which part.</param>
    /// <param name="bytes">Where it lies.</param>
    /// <returns>False where the slice is not contiguous or the source is not mapped; then use <see cref="Read"/>.</returns>
    /// <exception cref="ModelFormatException">There is no such tensor, or the slice lies outside it.</exception>
    public abstract bool TryMap(string name, in TensorSlice slice, out MappedBytes bytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the files.</summary>
    /// <param name="disposing">True when called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
