using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>A unit of one panel as quads of bytes. Written out, because the places of values must be constants.</summary>
internal static unsafe class UnitQuads
{
    /// <summary>Writes the quads to every second register of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Unpack<TLanes, TVector, TPacking>(uint* unit, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IIntegerPacking
    {
        int step = PanelTile.Step<TLanes, TVector>();
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 0), tile);
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 1), tile + step);
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 2), tile + (2 * step));
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 3), tile + (3 * step));
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 4), tile + (4 * step));
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 5), tile + (5 * step));
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 6), tile + (6 * step));
        TLanes.Store(TPacking.Quad<TLanes, TVector>(unit, 7), tile + (7 * step));
    }

    /// <summary>Σ value · x over each of some groups, with 8-bit inputs in the packing's order; sums of 32 bits, a register for each group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void SumGroups<TLanes, TVector, TPacking>(uint* unit, uint* x, int groups, int unitsPerGroup, float* sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IIntegerPacking
    {
        for (int group = 0; group < groups; group++)
        {
            TVector total = TLanes.Zero;
            for (int i = 0; i < unitsPerGroup; i++)
            {
                for (int word = 0; word < TPacking.WordsPerUnit; word++)
                {
                    Prefetch.Ahead(unit + (word * TLanes.Count));
                }

                if (TPacking.Bits is 3 or 5 or 6)
                {
                    // Their quads are long: each part is a method of its own, or the compiler would stop inlining half-way. Two quads at
                    // once fit 16 bits in all of them.
                    total = Part<TLanes, TVector, TPacking, Part0>(unit, x, total);
                    total = Part<TLanes, TVector, TPacking, Part1>(unit, x, total);
                    total = Part<TLanes, TVector, TPacking, Part2>(unit, x, total);
                    total = Part<TLanes, TVector, TPacking, Part3>(unit, x, total);
                }
                else
                {
                    // With 2 and 4 bits all eight quads fit.
                    TVector sum = Two<TLanes, TVector, TPacking>(unit, x, 2, Two<TLanes, TVector, TPacking>(unit, x, 0, TLanes.Zero));
                    sum = Two<TLanes, TVector, TPacking>(unit, x, 6, Two<TLanes, TVector, TPacking>(unit, x, 4, sum));
                    total = TLanes.Settle(total, sum);
                }

                unit += TPacking.WordsPerUnit * TLanes.Count;
                x += Units.Quads;
            }

            TLanes.Store(total, sums);
            sums += TLanes.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static TVector Part<TLanes, TVector, TPacking, TPart>(uint* unit, uint* x, TVector total)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IIntegerPacking
        where TPart : struct, IUnitPart =>
        TLanes.Settle(total, Two<TLanes, TVector, TPacking>(unit, x, TPart.First / 4, TLanes.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Two<TLanes, TVector, TPacking>(uint* unit, uint* x, int quad, TVector sum)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IIntegerPacking
    {
        sum = TLanes.AddByteProducts(sum, TPacking.Quad<TLanes, TVector>(unit, quad), TLanes.BroadcastBits(x[quad]));
        return TLanes.AddByteProducts(sum, TPacking.Quad<TLanes, TVector>(unit, quad + 1), TLanes.BroadcastBits(x[quad + 1]));
    }
}
