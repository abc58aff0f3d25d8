using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Models;

/// <summary>
/// The safetensors files of a model folder. <see cref="Read"/> and <see cref="ReadFloat32"/> copy with positioned reads, so that
/// nothing but the destination grows resident; <see cref="TryMap"/> points into a read-only mapping. Thread-safe.
/// </summary>
/// <remarks>
/// The files stay open and must not change meanwhile. A file that was cut short makes reads throw <see cref="ModelFormatException"/>,
/// but the system ends a process (SIGBUS) that touches mapped bytes which are gone: replace model files by renaming, never in place.
/// A tensor of more than two dimensions is seen as rows of dimension 0, each with all further dimensions joined; one of a
/// single dimension has rows of one element.
/// </remarks>
public sealed class SafetensorsWeightSource : WeightSource
{
    private readonly Dictionary<string, (SafetensorsFile File, StoredTensor Tensor)> _tensors;
    private long _bytesRead;

    private SafetensorsWeightSource(List<SafetensorsFile> files)
    {
        Files = files;
        _tensors = new(files.Sum(file => file.Tensors.Count), StringComparer.Ordinal);
        foreach (SafetensorsFile file in files)
        {
            foreach (StoredTensor tensor in file.Tensors)
            {
                _tensors.Add(tensor.Info.Name, (file, tensor));
            }
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <inheritdoc/>
    public override long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>The files in the order of their names.</summary>
    internal IReadOnlyList<SafetensorsFile> Files { get; }

    /// <summary>
    /// Opens the weights of a model folder: <c>model.safetensors</c>, or else the files that <c>model.safetensors.index.json</c> names,
    /// or else the only <c>*.safetensors</c> file. Reads and checks the headers, no weights.
    /// </summary>
    /// <param name="modelFolder">The folder.</param>
    /// <returns>The open weights; the caller disposes them.</returns>
    /// <exception cref="ModelFormatException">A file is missing, unreadable, damaged or hostile.</exception>
    public static SafetensorsWeightSource Open(string modelFolder)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelFolder);
        return new SafetensorsWeightSource(SafetensorsFolder.Open(modelFolder));
    }

    /// <inheritdoc/>
    public override bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public override TensorInfo Describe(string name) => Find(name).Tensor.Info;

    /// <inheritdoc/>
    public override string Locate(string name) => (_tensors.TryGetValue(name, out var found) ? found.File : Files[0]).Path;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is longer or shorter than the slice.</exception>
    public override void Read(string name, in TensorSlice slice, Span<byte> destination)
    {
        (SafetensorsFile file, StoredTensor tensor) = Find(name);
        SliceLayout layout = SliceLayout.Of(file, tensor, slice);
        if (destination.Length != layout.ByteCount)
        {
            throw new ArgumentException($"The slice of {name} holds {layout.ByteCount} bytes, the destination {destination.Length}.", nameof(destination));
        }

        foreach (IndexRange rows in slice.Rows)
        {
            int byteCount = rows.Count * layout.ColumnBytes;
            if (byteCount > 0)
            {
                file.ReadRows(layout.OffsetOf(rows.Start), layout.ColumnBytes, layout.RowBytes, destination[..byteCount]);
                destination = destination[byteCount..];
            }
        }

        Interlocked.Add(ref _bytesRead, layout.ByteCount);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is longer or shorter than the slice.</exception>
    public override void ReadFloat32(string name, in TensorSlice slice, Span<float> destination)
    {
        (SafetensorsFile file, StoredTensor tensor) = Find(name);
        switch (tensor.Info.Type)
        {
            case ElementType.Float32:
                Read(name, slice, MemoryMarshal.AsBytes(destination));
                break;
            case ElementType.Float16:
                Read(name, slice, FloatWidening.NarrowPart(destination));
                FloatWidening.WidenHalf(destination);
                break;
            case ElementType.BFloat16:
                Read(name, slice, FloatWidening.NarrowPart(destination));
                FloatWidening.WidenBFloat16(destination);
                break;
            default:
                throw new ModelFormatException(
                    file.Path, "the tensor is not floating point", "F32, F16 or BF16", tensor.Info.Type.ToString(), name, tensor.Offset);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Also false where the bytes are not aligned to the element size, which the format does not promise.</remarks>
    public override bool TryMap(string name, in TensorSlice slice, out MappedBytes bytes)
    {
        (SafetensorsFile file, StoredTensor tensor) = Find(name);
        SliceLayout layout = SliceLayout.Of(file, tensor, slice);
        bytes = default;
        if (!layout.IsContiguous(slice) || tensor.Offset % tensor.Info.Type.SizeInBytes() != 0)
        {
            return false;
        }

        int firstRow = slice.Rows.FirstOrDefault(range => range.Count > 0).Start;
        bytes = new MappedBytes(file.AddressOf(layout.OffsetOf(firstRow)), layout.ByteCount);
        Interlocked.Add(ref _bytesRead, layout.ByteCount);
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (SafetensorsFile file in Files)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private (SafetensorsFile File, StoredTensor Tensor) Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _tensors.TryGetValue(name, out (SafetensorsFile, StoredTensor) found)
            ? found
            : throw new ModelFormatException(Locate(name), "the model has no such tensor", name, $"{_tensors.Count} others", name);
    }

    /// <summary>Where a slice's bytes lie in its file.</summary>
    private readonly record struct SliceLayout(long Start, int ColumnBytes, long RowBytes, long ByteCount)
    {
        public static SliceLayout Of(SafetensorsFile file, StoredTensor tensor, in TensorSlice slice)
        {
            if (slice.Rows.IsDefault)
            {
                throw new ArgumentException("The slice names no rows.", nameof(slice));
            }

            ImmutableArray<int> shape = tensor.Info.Shape;
            int rowCount = shape.IsEmpty ? 1 : shape[0];
            int size = tensor.Info.Type.SizeInBytes();
            long rowLength = rowCount == 0 ? 0 : tensor.ByteCount / size / rowCount;
            long rows = 0;
            foreach (IndexRange range in slice.Rows)
            {
                RequireWithin(range, rowCount, "rows", file, tensor);
                rows += range.Count;
            }

            if (slice.Columns is { } columns)
            {
                RequireWithin(columns, rowLength, "columns", file, tensor);
            }

            long start = slice.Columns?.Start ?? 0;
            long columnBytes = (slice.Columns?.Count ?? rowLength) * size;

            // One row's part must fit a span. Real rows are below a megabyte.
            if (columnBytes > Array.MaxLength)
            {
                throw new ModelFormatException(
                    file.Path, "a row of the slice is too long to read", $"at most {Array.MaxLength} bytes", $"{columnBytes}", tensor.Info.Name, tensor.Offset);
            }

            return new SliceLayout(tensor.Offset + (start * size), (int)columnBytes, rowLength * size, rows * columnBytes);
        }

        public long OffsetOf(int row) => Start + (row * RowBytes);

        public bool IsContiguous(in TensorSlice slice)
        {
            if (ByteCount == ColumnBytes)
            {
                return true;
            }

            for (int i = 1; i < slice.Rows.Length; i++)
            {
                if (slice.Rows[i].Start != slice.Rows[i - 1].End)
                {
                    return false;
                }
            }

            return ColumnBytes == RowBytes;
        }

        private static void RequireWithin(IndexRange range, long size, string what, SafetensorsFile file, StoredTensor tensor)
        {
            if (range.Start < 0 || range.Count < 0 || (long)range.Start + range.Count > size)
            {
                throw new ModelFormatException(
                    file.Path, $"the slice lies outside the tensor's {what}", $"a part of 0..{size}",
                    $"{range.Start}..{(long)range.Start + range.Count}", tensor.Info.Name, tensor.Offset);
            }
        }
    }
}
