using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>
/// The order of weights in memory. As many rows as a register has lanes make a panel, and a panel stores element after element of all
/// its rows: <c>[rows/lanes, elements, lanes]</c>. A product then reads memory strictly in order, each lane sums a row of its own, and no
/// sum has to be taken across a register. The elements are the stored ones, so the panels take no more memory than the file.
/// </summary>
internal static unsafe class PanelLayout
{
    /// <summary>Puts rows of 32-bit elements into panels.</summary>
    /// <param name="rows">The first row.</param>
    /// <param name="rowCount">How many; a panel's missing rows are left as they are.</param>
    /// <param name="rowLength">Elements of a row.</param>
    /// <param name="lanes">Rows of a panel.</param>
    /// <param name="panels">The first panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Fill32(uint* rows, int rowCount, int rowLength, int lanes, uint* panels)
    {
        for (int first = 0; first < rowCount; first += lanes)
        {
            int count = Math.Min(lanes, rowCount - first);
            uint* source = rows + ((long)first * rowLength);
            uint* target = panels + ((long)first * rowLength);
            int row = 0;
            for (; row + 4 <= count; row += 4)
            {
                FourRows(source + ((long)row * rowLength), rowLength, lanes, target + row);
            }

            for (; row < count; row++)
            {
                for (int i = 0; i < rowLength; i++)
                {
                    target[((long)i * lanes) + row] = source[((long)row * rowLength) + i];
                }
            }
        }
    }

    /// <summary>Puts rows of 16-bit elements into panels; otherwise as <see cref="Fill32"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Fill16(ushort* rows, int rowCount, int rowLength, int lanes, ushort* panels)
    {
        for (int first = 0; first < rowCount; first += lanes)
        {
            int count = Math.Min(lanes, rowCount - first);
            ushort* source = rows + ((long)first * rowLength);
            ushort* target = panels + ((long)first * rowLength);
            for (int i = 0; i < rowLength; i++)
            {
                for (int row = 0; row < count; row++)
                {
                    target[row] = source[((long)row * rowLength) + i];
                }

                target += lanes;
            }
        }
    }

    // Four by four elements are turned at a time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows(uint* source, int rowLength, int lanes, uint* target)
    {
        int i = 0;
        for (; i + 4 <= rowLength; i += 4)
        {
            Vector128<uint> a = Vector128.Load(source + i);
            Vector128<uint> b = Vector128.Load(source + rowLength + i);
            Vector128<uint> c = Vector128.Load(source + (2L * rowLength) + i);
            Vector128<uint> d = Vector128.Load(source + (3L * rowLength) + i);
            Vector128<ulong> ab = Lower(a, b), cd = Lower(c, d);
            Vector128<ulong> upperAb = Upper(a, b), upperCd = Upper(c, d);
            Pair(ab, cd, 0).Store(target);
            Pair(ab, cd, 1).Store(target + lanes);
            Pair(upperAb, upperCd, 0).Store(target + (2 * lanes));
            Pair(upperAb, upperCd, 1).Store(target + (3 * lanes));
            target += 4 * lanes;
        }

        for (; i < rowLength; i++)
        {
            for (int row = 0; row < 4; row++)
            {
                target[row] = source[((long)row * rowLength) + i];
            }

            target += lanes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Lower(Vector128<uint> a, Vector128<uint> b) =>
        Interleave.Lower(a, b).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Upper(Vector128<uint> a, Vector128<uint> b) =>
        Interleave.Upper(a, b).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Pair(Vector128<ulong> a, Vector128<ulong> b, int half) =>
        (half == 0 ? Interleave.Lower(a, b) : Interleave.Upper(a, b)).AsUInt32();
}
