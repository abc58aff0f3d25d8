using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Tests.Weights;

public sealed unsafe class PanelCopyTests
{
    private const int Rows = 700;

    [Theory]
    [InlineData(ElementType.UInt32, 40, 4, 160)]
    [InlineData(ElementType.BFloat16, 6, 2, 12)]
    [InlineData(ElementType.BFloat16, 37, 4, 128)]
    [InlineData(ElementType.Float32, 65, 4, 384)]
    [InlineData(ElementType.Float32, 9000, 4, 36096)]
    public void Slices_of_several_ranges_fill_panels_and_paddings_stay_zero(ElementType type, int columns, int elementBytes, int paddedRowBytes)
    {
        int size = type.SizeInBytes();
        int allColumns = columns + 5;
        byte[] data = new byte[Rows * allColumns * size];
        new Random(1).NextBytes(data);
        using MemoryWeightSource source = new();
        source.Add("w", type, data, Rows, allColumns);
        foreach (IndexRange[] ranges in (IndexRange[][])[
            [new(0, Rows)], [new(3, 21)], [new(5, 1), new(2, 1)], [new(600, 90), new(0, 301), new(310, 7), new(400, 100)]])
        {
            TensorSlice slice = new([.. ranges], new IndexRange(3, columns));
            int[] rows = [.. ranges.SelectMany(range => Enumerable.Range(range.Start, range.Count))];
            foreach (int lanes in (int[])[4, 8, 16])
            {
                using NativeBlock panels = new((long)(rows.Length + lanes - 1) / lanes * lanes * paddedRowBytes);
                PanelCopy copy = new("w", slice, columns * size, paddedRowBytes, elementBytes, lanes, panels);
                using NativeBlock buffer = new(copy.BufferBytes);

                // What an earlier piece left in the buffer must not show.
                new Span<byte>(buffer.Bytes, copy.BufferBytes).Fill(0xEE);
                long read = 0;
                foreach (int piece in Enumerable.Range(0, copy.PieceCount).Reverse())
                {
                    read += copy.Run(source, piece, buffer.Bytes);
                }

                read.Should().Be(copy.ByteCount).And.Be((long)rows.Length * columns * size);
                for (int row = 0; row < rows.Length; row++)
                {
                    byte[] expected = new byte[paddedRowBytes];
                    data.AsSpan(((rows[row] * allColumns) + 3) * size, columns * size).CopyTo(expected);
                    byte[] found = new byte[paddedRowBytes];
                    byte* panel = panels.Bytes + ((long)(row / lanes) * lanes * paddedRowBytes);
                    for (int i = 0; i < paddedRowBytes; i++)
                    {
                        found[i] = panel[(((i / elementBytes * lanes) + (row % lanes)) * elementBytes) + (i % elementBytes)];
                    }

                    if (!found.AsSpan().SequenceEqual(expected))
                    {
                        Assert.Fail($"row {row} of {rows.Length} from {ranges.Length} ranges with {lanes} lanes differs");
                    }
                }
            }
        }
    }
}
