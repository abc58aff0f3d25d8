using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// The product for several tokens: eight rows' weights at a time are unpacked into a tile that stays in the first-level cache
/// and multiplied with every token's inputs, three tokens by four rows in registers.
/// </summary>
internal static unsafe class TileProduct
{
    /// <summary>Inputs per tile; a multiple of every packing's block.</summary>
    internal const int Depth = 1024;

    private const int Rows = 8;
    private const int RowsAtOnce = 4;
    private const int TokensAtOnce = 3;

    [SkipLocalsInit]
    internal static void Multiply<TLanes, TSource>(
        TSource source, float* arranged, int arrangedLength, int productLength, int tokens, float* y, int outputCount, int first, int end)
        where TLanes : struct, ILanes<TLanes>
        where TSource : class, ITileSource
    {
        float* tile = stackalloc float[Rows * Depth];
        for (int row = first; row < end; row += Rows)
        {
            int rows = Math.Min(Rows, end - row);
            int paddedRows = (rows + RowsAtOnce - 1) / RowsAtOnce * RowsAtOnce;
            new Span<float>(tile + (rows * Depth), (paddedRows - rows) * Depth).Clear();
            for (int token = 0; token < tokens; token++)
            {
                new Span<float>(y + ((long)token * outputCount) + row, rows).Clear();
            }

            for (int start = 0; start < productLength; start += Depth)
            {
                int depth = Math.Min(Depth, productLength - start);
                for (int r = 0; r < rows; r++)
                {
                    source.Unpack(row + r, start, depth, tile + (r * Depth));
                }

                AddTile<TLanes>(tile, rows, depth, arranged + start, arrangedLength, tokens, y + row, outputCount);
            }
        }
    }

    private static void AddTile<TLanes>(
        float* tile, int rows, int depth, float* x, int stride, int tokens, float* y, int outputCount)
        where TLanes : struct, ILanes<TLanes>
    {
        float* sums = stackalloc float[TokensAtOnce * RowsAtOnce];
        int token = 0;
        for (; token + TokensAtOnce <= tokens; token += TokensAtOnce)
        {
            for (int row = 0; row < rows; row += RowsAtOnce)
            {
                float* x0 = x + ((long)token * stride);
                ThreeTokens<TLanes>(tile + (row * Depth), depth, x0, x0 + stride, x0 + stride + stride, sums);
                Add(sums, TokensAtOnce, Math.Min(RowsAtOnce, rows - row), y + ((long)token * outputCount) + row, outputCount);
            }
        }

        for (; token < tokens; token++)
        {
            for (int row = 0; row < rows; row += RowsAtOnce)
            {
                OneToken<TLanes>(tile + (row * Depth), depth, x + ((long)token * stride), sums);
                Add(sums, 1, Math.Min(RowsAtOnce, rows - row), y + ((long)token * outputCount) + row, outputCount);
            }
        }
    }

    private static void Add(float* sums, int tokens, int rows, float* y, int outputCount)
    {
        for (int token = 0; token < tokens; token++)
        {
            for (int row = 0; row < rows; row++)
            {
                y[((long)token * outputCount) + row] += sums[(token * RowsAtOnce) + row];
            }
        }
    }

    private static void ThreeTokens<TLanes>(float* tile, int depth, float* x0, float* x1, float* x2, float* sums)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes s00 = TLanes.Zero, s01 = TLanes.Zero, s02 = TLanes.Zero, s03 = TLanes.Zero;
        TLanes s10 = TLanes.Zero, s11 = TLanes.Zero, s12 = TLanes.Zero, s13 = TLanes.Zero;
        TLanes s20 = TLanes.Zero, s21 = TLanes.Zero, s22 = TLanes.Zero, s23 = TLanes.Zero;
        for (int i = 0; i < depth; i += TLanes.Count)
        {
            TLanes a0 = TLanes.Load(x0 + i);
            TLanes a1 = TLanes.Load(x1 + i);
            TLanes a2 = TLanes.Load(x2 + i);
            TLanes w = TLanes.Load(tile + i);
            s00 = TLanes.MultiplyAdd(w, a0, s00);
            s10 = TLanes.MultiplyAdd(w, a1, s10);
            s20 = TLanes.MultiplyAdd(w, a2, s20);
            w = TLanes.Load(tile + Depth + i);
            s01 = TLanes.MultiplyAdd(w, a0, s01);
            s11 = TLanes.MultiplyAdd(w, a1, s11);
            s21 = TLanes.MultiplyAdd(w, a2, s21);
            w = TLanes.Load(tile + (2 * Depth) + i);
            s02 = TLanes.MultiplyAdd(w, a0, s02);
            s12 = TLanes.MultiplyAdd(w, a1, s12);
            s22 = TLanes.MultiplyAdd(w, a2, s22);
            w = TLanes.Load(tile + (3 * Depth) + i);
            s03 = TLanes.MultiplyAdd(w, a0, s03);
            s13 = TLanes.MultiplyAdd(w, a1, s13);
            s23 = TLanes.MultiplyAdd(w, a2, s23);
        }

        TLanes.Sums(s00, s01, s02, s03).Store(sums);
        TLanes.Sums(s10, s11, s12, s13).Store(sums + RowsAtOnce);
        TLanes.Sums(s20, s21, s22, s23).Store(sums + (2 * RowsAtOnce));
    }

    private static void OneToken<TLanes>(float* tile, int depth, float* x, float* sums)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
        for (int i = 0; i < depth; i += TLanes.Count)
        {
            TLanes a = TLanes.Load(x + i);
            s0 = TLanes.MultiplyAdd(TLanes.Load(tile + i), a, s0);
            s1 = TLanes.MultiplyAdd(TLanes.Load(tile + Depth + i), a, s1);
            s2 = TLanes.MultiplyAdd(TLanes.Load(tile + (2 * Depth) + i), a, s2);
            s3 = TLanes.MultiplyAdd(TLanes.Load(tile + (3 * Depth) + i), a, s3);
        }

        TLanes.Sums(s0, s1, s2, s3).Store(sums);
    }
}
