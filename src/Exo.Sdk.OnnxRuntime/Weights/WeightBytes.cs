using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>A slice of a stored tensor as bytes: in the mapped file where it is contiguous there, else copied to native memory.</summary>
internal sealed unsafe class WeightBytes : SafeHandle
{
    // Room behind the end, so that memory is never empty.
    private const int Alignment = 64;

    private WeightBytes(nint address, long byteCount, bool isOwned)
        : base(0, isOwned)
    {
        ByteCount = byteCount;
        SetHandle(address);
    }

    public override bool IsInvalid => handle == 0;

    internal long ByteCount { get; }

    internal byte* Address => (byte*)handle;

    /// <summary>Takes memory, whose content is not set.</summary>
    internal static WeightBytes Allocate(long byteCount) =>
        new((nint)NativeMemory.AlignedAlloc((nuint)Math.Max(byteCount, Alignment), Alignment), byteCount, isOwned: true);

    /// <summary>Points at the bytes, or reads them.</summary>
    /// <exception cref="ModelFormatException">The tensor is missing, or the slice lies outside it.</exception>
    internal static WeightBytes Load(WeightSource source, string name, in TensorSlice slice, long byteCount, CancellationToken cancellationToken)
    {
        if (source.TryMap(name, slice, out MappedBytes mapped))
        {
            Touch(mapped, cancellationToken);
            return new WeightBytes(mapped.Address, mapped.ByteCount, isOwned: false);
        }

        WeightBytes copy = Allocate(byteCount);
        try
        {
            // Rows are read in pieces, because a span holds at most 2 GiB.
            int rows = slice.RowCount;
            long rowBytes = rows == 0 ? 0 : byteCount / rows;
            int rowsAtOnce = (int)Math.Clamp((64L << 20) / Math.Max(rowBytes, 1), 1, int.MaxValue);
            long written = 0;
            foreach (IndexRange range in slice.Rows)
            {
                for (int first = range.Start; first < range.End; first += rowsAtOnce)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    int count = Math.Min(rowsAtOnce, range.End - first);
                    int pieceBytes = checked((int)(count * rowBytes));
                    TensorSlice piece = new([new IndexRange(first, count)], slice.Columns);
                    source.Read(name, piece, new Span<byte>(copy.Address + written, pieceBytes));
                    written += pieceBytes;
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

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }

    // Brings the pages in now, so that the first token does not wait for the disk and loading can be watched and cancelled.
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
