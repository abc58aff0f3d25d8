using System.Collections.Immutable;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>
/// One stored tensor's way into panels, piece by piece. A piece is read into a buffer that stays in the cache and is turned from there,
/// so that loading costs little more than reading, and no second copy of a weight ever exists.
/// </summary>
internal sealed unsafe class PanelCopy
{
    /// <summary>Bytes of a piece at the most, unless a single panel takes more.</summary>
    private const int PieceBytes = 128 << 10;

    private readonly string _name;
    private readonly TensorSlice _slice;
    private readonly NativeBlock _target;
    private readonly int _elementBytes;
    private readonly int _rowBytes;
    private readonly int _paddedRowBytes;
    private readonly int _lanes;
    private readonly int _rowsPerPiece;

    /// <summary>Describes the way.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="slice">Which part of it.</param>
    /// <param name="rowBytes">Bytes of the part of a row.</param>
    /// <param name="paddedRowBytes">Bytes of a row in the panels; the difference is zeros.</param>
    /// <param name="elementBytes">What is turned at a time: 4 or 2.</param>
    /// <param name="lanes">Rows of a panel.</param>
    /// <param name="target">Zeroed memory for all panels.</param>
    internal PanelCopy(string name, in TensorSlice slice, long rowBytes, long paddedRowBytes, int elementBytes, int lanes, NativeBlock target)
    {
        _name = name;
        _slice = slice;
        _target = target;
        _elementBytes = elementBytes;
        _rowBytes = checked((int)rowBytes);
        _paddedRowBytes = checked((int)paddedRowBytes);
        _lanes = lanes;
        RowCount = slice.RowCount;
        _rowsPerPiece = Math.Max(1, PieceBytes / Math.Max(1, _paddedRowBytes) / lanes) * lanes;
    }

    internal int RowCount { get; }

    /// <summary>Bytes that all pieces read.</summary>
    internal long ByteCount => (long)RowCount * _rowBytes;

    /// <summary>Pieces of the tensor.</summary>
    internal int PieceCount => (RowCount + _rowsPerPiece - 1) / _rowsPerPiece;

    /// <summary>What a piece needs as a buffer.</summary>
    internal int BufferBytes => checked(Math.Min(_rowsPerPiece, RowCount) * _paddedRowBytes);

    /// <summary>Reads one piece.</summary>
    /// <param name="source">Where from.</param>
    /// <param name="piece">Which one.</param>
    /// <param name="buffer">At least <see cref="BufferBytes"/>.</param>
    /// <returns>The bytes read.</returns>
    internal long Run(WeightSource source, int piece, byte* buffer)
    {
        int first = piece * _rowsPerPiece;
        int count = Math.Min(_rowsPerPiece, RowCount - first);
        if (_rowBytes == _paddedRowBytes)
        {
            source.Read(_name, Part(first, count), new Span<byte>(buffer, count * _rowBytes));
        }
        else
        {
            for (int row = 0; row < count; row++)
            {
                Span<byte> padded = new(buffer + ((long)row * _paddedRowBytes), _paddedRowBytes);
                padded[_rowBytes..].Clear();
                source.Read(_name, Part(first + row, 1), padded[.._rowBytes]);
            }
        }

        byte* panels = _target.Bytes + ((long)first * _paddedRowBytes);
        if (_elementBytes == sizeof(uint))
        {
            PanelLayout.Fill32((uint*)buffer, count, _paddedRowBytes / sizeof(uint), _lanes, (uint*)panels);
        }
        else
        {
            PanelLayout.Fill16((ushort*)buffer, count, _paddedRowBytes / sizeof(ushort), _lanes, (ushort*)panels);
        }

        return (long)count * _rowBytes;
    }

    // Some of the slice's joined rows.
    private TensorSlice Part(int first, int count)
    {
        if (_slice.Rows.Length == 1)
        {
            return new TensorSlice([new IndexRange(_slice.Rows[0].Start + first, count)], _slice.Columns);
        }

        ImmutableArray<IndexRange>.Builder ranges = ImmutableArray.CreateBuilder<IndexRange>();
        int at = 0;
        foreach (IndexRange range in _slice.Rows)
        {
            int start = Math.Max(first, at);
            int end = Math.Min(first + count, at + range.Count);
            if (start < end)
            {
                ranges.Add(new IndexRange(range.Start + start - at, end - start));
            }

            at += range.Count;
        }

        return new TensorSlice(ranges.ToImmutable(), _slice.Columns);
    }
}
