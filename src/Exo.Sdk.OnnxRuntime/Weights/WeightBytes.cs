using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>A slice of a stored tensor: in the mapped file where it can be used as it lies there, else copied to native memory.</summary>
internal sealed unsafe class WeightBytes : SafeHandle
{
    // Room behind the end, so that memory is never empty.
    private const int Alignment = 64;

    // Rows are read in pieces, because a span holds at most 2 GiB and loading can be canceled between two.
    private const long PieceBytes = 64L << 20;

    private WeightBytes(nint address, long byteCount, bool isOwned)
        : base(0, isOwned)
    {
        ByteCount = byteCount;
        SetHandle(address);
    }

    public override bool IsInvalid => handle == 0;

    internal long ByteCount { get; }

    internal byte* Address => (byte*)handle;

    /// <summary>Points at the slice, or reads it, in its stored element type.</summary>
    /// <exception cref="ModelFormatException">The tensor is missing, or the slice lies outside it.</exception>
    internal static WeightBytes Load(WeightSource source, string name, in TensorSlice slice, long byteCount, CancellationToken cancellationToken)
    {
        if (source.TryMap(name, slice, out MappedBytes mapped))
        {
            Touch(mapped, cancellationToken);
            return new WeightBytes(mapped.Address, mapped.ByteCount, isOwned: false);
        }

        return Copy(
            slice,
            byteCount,
            (piece, address, bytes) => source.Read(name, piece, new Span<byte>((void*)address, bytes)),
            cancellationToken);
    }

    /// <summary>Reads a slice of a floating-point tensor, widened to single precision.</summary>
    /// <exception cref="ModelFormatException">The tensor is missing, or the slice lies outside it.</exception>
    internal static WeightBytes LoadFloats(WeightSource source, string name, in TensorSlice slice, long count, CancellationToken cancellationToken) =>
        Copy(
            slice,
            count * sizeof(float),
            (piece, address, bytes) => source.ReadFloat32(name, piece, new Span<float>((void*)address, bytes / sizeof(float))),
            cancellationToken);

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }

    private static WeightBytes Copy(
        in TensorSlice slice, long byteCount, Action<TensorSlice, nint, int> read, CancellationToken cancellationToken)
    {
        WeightBytes copy = new((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(byteCount, Alignment), Alignment), byteCount, isOwned: true);
        try
        {
            long rowBytes = byteCount / Math.Max(slice.RowCount, 1);
            int rowsAtOnce = (int)Math.Clamp(PieceBytes / Math.Max(rowBytes, 1), 1, int.MaxValue);
            nint address = copy.handle;
            foreach (IndexRange range in slice.Rows)
            {
                for (int first = range.Start; first < range.End; first += rowsAtOnce)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    int count = Math.Min(rowsAtOnce, range.End - first);
                    int bytes = checked((int)(count * rowBytes));
                    read(new TensorSlice([new IndexRange(first, count)], slice.Columns), address, bytes);
                    address += bytes;
                }
            }

            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    // Brings the pages in now, so that the first token does not wait for the disk and loading can be watched and canceled.
    private static void Touch(in MappedBytes mapped, CancellationToken cancellationToken)
    {
        const int PageBytes = 4096;
        byte sum = 0;
        for (long offset = 0; offset < mapped.ByteCount; offset += PageBytes)
        {
            if (offset % (PageBytes * 4096L) == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            sum ^= Volatile.Read(ref *((byte*)mapped.Address + offset));
        }

        GC.KeepAlive(sum);
    }
}
