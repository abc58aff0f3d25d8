using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Products;

/// <summary>Unpacks a unit of one panel into a tile of two. Written out, because the places of values must be constants.</summary>
internal static unsafe class UnitUnpack
{
    /// <summary>The values as they are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Numbers<TLanes, TPacking>(uint* unit, float* tile)
        where TLanes : struct, ILanes<TLanes>
        where TPacking : struct, IPacking
    {
        int step = Tile.Panels * TLanes.Count;
        TLanes.Store(TPacking.Number<TLanes>(unit, 0), tile);
        TLanes.Store(TPacking.Number<TLanes>(unit, 1), tile + step);
        TLanes.Store(TPacking.Number<TLanes>(unit, 2), tile + (2 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 3), tile + (3 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 4), tile + (4 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 5), tile + (5 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 6), tile + (6 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 7), tile + (7 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 8), tile + (8 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 9), tile + (9 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 10), tile + (10 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 11), tile + (11 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 12), tile + (12 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 13), tile + (13 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 14), tile + (14 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 15), tile + (15 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 16), tile + (16 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 17), tile + (17 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 18), tile + (18 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 19), tile + (19 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 20), tile + (20 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 21), tile + (21 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 22), tile + (22 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 23), tile + (23 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 24), tile + (24 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 25), tile + (25 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 26), tile + (26 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 27), tile + (27 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 28), tile + (28 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 29), tile + (29 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 30), tile + (30 * step));
        TLanes.Store(TPacking.Number<TLanes>(unit, 31), tile + (31 * step));
    }

    /// <summary>scale·value + offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Numbers<TLanes, TPacking>(uint* unit, TLanes scale, TLanes offset, float* tile)
        where TLanes : struct, ILanes<TLanes>
        where TPacking : struct, IPacking
    {
        int step = Tile.Panels * TLanes.Count;
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 0), scale, offset), tile);
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 1), scale, offset), tile + step);
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 2), scale, offset), tile + (2 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 3), scale, offset), tile + (3 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 4), scale, offset), tile + (4 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 5), scale, offset), tile + (5 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 6), scale, offset), tile + (6 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 7), scale, offset), tile + (7 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 8), scale, offset), tile + (8 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 9), scale, offset), tile + (9 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 10), scale, offset), tile + (10 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 11), scale, offset), tile + (11 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 12), scale, offset), tile + (12 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 13), scale, offset), tile + (13 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 14), scale, offset), tile + (14 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 15), scale, offset), tile + (15 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 16), scale, offset), tile + (16 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 17), scale, offset), tile + (17 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 18), scale, offset), tile + (18 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 19), scale, offset), tile + (19 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 20), scale, offset), tile + (20 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 21), scale, offset), tile + (21 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 22), scale, offset), tile + (22 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 23), scale, offset), tile + (23 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 24), scale, offset), tile + (24 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 25), scale, offset), tile + (25 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 26), scale, offset), tile + (26 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 27), scale, offset), tile + (27 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 28), scale, offset), tile + (28 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 29), scale, offset), tile + (29 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 30), scale, offset), tile + (30 * step));
        TLanes.Store(TLanes.MultiplyAdd(TPacking.Number<TLanes>(unit, 31), scale, offset), tile + (31 * step));
    }

    /// <summary>Four values at a time, as bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Quads<TLanes, TPacking>(uint* unit, float* tile)
        where TLanes : struct, ILanes<TLanes>
        where TPacking : struct, IIntegerPacking
    {
        int step = Tile.Panels * TLanes.Count;
        TLanes.Store(TPacking.Quad<TLanes>(unit, 0), tile);
        TLanes.Store(TPacking.Quad<TLanes>(unit, 1), tile + step);
        TLanes.Store(TPacking.Quad<TLanes>(unit, 2), tile + (2 * step));
        TLanes.Store(TPacking.Quad<TLanes>(unit, 3), tile + (3 * step));
        TLanes.Store(TPacking.Quad<TLanes>(unit, 4), tile + (4 * step));
        TLanes.Store(TPacking.Quad<TLanes>(unit, 5), tile + (5 * step));
        TLanes.Store(TPacking.Quad<TLanes>(unit, 6), tile + (6 * step));
        TLanes.Store(TPacking.Quad<TLanes>(unit, 7), tile + (7 * step));
    }
}

/// <summary>One row's words of a unit, taken out of its panel.</summary>
internal static unsafe class RowUnit
{
    internal static void Gather<TLanes, TPacking>(uint* words, int unitCount, int row, int unit, uint* destination)
        where TLanes : struct, ILanes<TLanes>
        where TPacking : struct, IPacking
    {
        uint* source = words + (((((long)(row / TLanes.Count) * unitCount) + unit) * TPacking.WordsPerUnit * TLanes.Count) + (row % TLanes.Count));
        for (int word = 0; word < TPacking.WordsPerUnit; word++)
        {
            destination[word] = source[word * TLanes.Count];
        }
    }
}
