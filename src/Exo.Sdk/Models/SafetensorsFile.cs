using System.Buffers;
using System.IO.MemoryMappedFiles;
using Exo.Sdk.Input;
using Microsoft.Win32.SafeHandles;

namespace Exo.Sdk.Models;

/// <summary>
/// One open safetensors file. Copies are read with positioned reads and only what is pointed at is mapped, because pages of a
/// mapping that were touched count as resident memory of the process. Measured on 512 MB of rows of which the left half was copied
/// (rows of 256 B / 1 / 4 / 16 / 64 KiB): through a mapping 88 / 99 / 72 / 91 / 53 ms, but 514 MB resident afterwards;
/// a read for each row 713 / 245 / 152 / 95 / 58 ms and nothing resident; whole rows through a 64 KiB buffer
/// 120 / 127 / 129 / 117 / 111 ms and nothing resident. So short gaps are read through and long ones skipped.
/// </summary>
internal sealed unsafe class SafetensorsFile : IDisposable
{
    private const int BufferBytes = 64 << 10;
    private const int LongestGapToReadThrough = 4 << 10;

    private readonly SafeFileHandle _handle;
    private readonly Lock _mapping = new();
    private MemoryMappedFile? _map;
    private MemoryMappedViewAccessor? _view;
    private byte* _start;
    private bool _isDisposed;

    private SafetensorsFile(SafeFileHandle handle, string path, long length, List<StoredTensor> tensors)
    {
        _handle = handle;
        Path = path;
        Length = length;
        Tensors = tensors;
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>The tensors in the order of their bytes.</summary>
    public List<StoredTensor> Tensors { get; }

    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle handle = BoundedFile.Open(path);
        try
        {
            byte[] header = SafetensorsHeader.ReadBytes(handle, path);
            long length = RandomAccess.GetLength(handle);
            return new SafetensorsFile(handle, path, length, SafetensorsHeader.Parse(header, path, length));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Copies consecutive bytes.</summary>
    public void Read(long offset, Span<byte> destination) => BoundedFile.ReadExactly(_handle, Path, offset, destination);

    /// <summary>Copies <paramref name="columnBytes"/> of each row and joins them.</summary>
    /// <param name="offset">The first row's first wanted byte.</param>
    /// <param name="columnBytes">Wanted bytes per row.</param>
    /// <param name="rowBytes">The distance from row to row.</param>
    /// <param name="destination">A whole number of wanted row parts.</param>
    public void ReadRows(long offset, int columnBytes, long rowBytes, Span<byte> destination)
    {
        long gap = rowBytes - columnBytes;
        if (gap == 0)
        {
            Read(offset, destination);
        }
        else if (gap <= LongestGapToReadThrough && rowBytes <= BufferBytes / 2)
        {
            ReadThroughGaps(offset, columnBytes, (int)rowBytes, destination);
        }
        else
        {
            for (; !destination.IsEmpty; destination = destination[columnBytes..], offset += rowBytes)
            {
                Read(offset, destination[..columnBytes]);
            }
        }
    }

    /// <summary>Where a byte of the file lies in memory. The mapping is made at the first call.</summary>
    public nint AddressOf(long offset)
    {
        lock (_mapping)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_start is null)
            {
                Map();
            }

            return (nint)(_start + offset);
        }
    }

    public void Dispose()
    {
        lock (_mapping)
        {
            _isDisposed = true;
            if (_start is not null)
            {
                _view!.SafeMemoryMappedViewHandle.ReleasePointer();
                _start = null;
            }

            _view?.Dispose();
            _map?.Dispose();
            _handle.Dispose();
        }
    }

    private void ReadThroughGaps(long offset, int columnBytes, int rowBytes, Span<byte> destination)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            int rowsPerRead = BufferBytes / rowBytes;
            while (!destination.IsEmpty)
            {
                int rows = Math.Min(rowsPerRead, destination.Length / columnBytes);

                // Without the last row's gap: it may reach beyond the tensor, even beyond the file.
                Span<byte> block = buffer.AsSpan(0, ((rows - 1) * rowBytes) + columnBytes);
                Read(offset, block);
                for (int row = 0; row < rows; row++)
                {
                    block.Slice(row * rowBytes, columnBytes).CopyTo(destination[(row * columnBytes)..]);
                }

                destination = destination[(rows * columnBytes)..];
                offset += (long)rows * rowBytes;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Map()
    {
        try
        {
            _map = MemoryMappedFile.CreateFromFile(_handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            _start = start + _view.PointerOffset;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException(Path, "the file cannot be mapped into memory", found: error.Message, innerException: error);
        }
    }
}
