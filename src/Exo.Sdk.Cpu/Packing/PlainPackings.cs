using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Single precision.</summary>
internal readonly unsafe struct Float32Packing : IPacking
{
    public static int WordsPerUnit => 32;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SumGroups<TLanes, TVector>(uint* unit, float* x, int groups, int unitsPerGroup, float* sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        for (int group = 0; group < groups; group++)
        {
            TVector sum0 = TLanes.Zero;
            TVector sum1 = TLanes.Zero;
            TVector sum2 = TLanes.Zero;
            TVector sum3 = TLanes.Zero;
            for (int i = 0; i < unitsPerGroup * Units.Inputs; i += 4)
            {
                Prefetch.Ahead(unit);
                Prefetch.Ahead(unit + TLanes.Count);
                Prefetch.Ahead(unit + (2 * TLanes.Count));
                Prefetch.Ahead(unit + (3 * TLanes.Count));
                TVector word0 = TLanes.LoadWords(unit);
                TVector word1 = TLanes.LoadWords(unit + TLanes.Count);
                TVector word2 = TLanes.LoadWords(unit + (2 * TLanes.Count));
                TVector word3 = TLanes.LoadWords(unit + (3 * TLanes.Count));
                sum0 = TLanes.MultiplyAdd(word0, TLanes.Broadcast(x[0]), sum0);
                sum1 = TLanes.MultiplyAdd(word1, TLanes.Broadcast(x[1]), sum1);
                sum2 = TLanes.MultiplyAdd(word2, TLanes.Broadcast(x[2]), sum2);
                sum3 = TLanes.MultiplyAdd(word3, TLanes.Broadcast(x[3]), sum3);
                unit += 4 * TLanes.Count;
                x += 4;
            }

            TLanes.Store(TLanes.Add(TLanes.Add(sum0, sum1), TLanes.Add(sum2, sum3)), sums);
            sums += TLanes.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Unpack<TLanes, TVector>(uint* unit, TVector scale, TVector offset, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int step = PanelTile.Step<TLanes, TVector>();
        for (int i = 0; i < Units.Inputs; i += 4)
        {
            TVector word0 = TLanes.LoadWords(unit);
            TVector word1 = TLanes.LoadWords(unit + TLanes.Count);
            TVector word2 = TLanes.LoadWords(unit + (2 * TLanes.Count));
            TVector word3 = TLanes.LoadWords(unit + (3 * TLanes.Count));
            TLanes.Store(word0, tile);
            TLanes.Store(word1, tile + step);
            TLanes.Store(word2, tile + (2 * step));
            TLanes.Store(word3, tile + (3 * step));
            unit += 4 * TLanes.Count;
            tile += 4 * step;
        }
    }

    public static float Number(uint* words, int i) => ((float*)words)[i];
}

/// <summary>bfloat16, the upper half of a single-precision number, two to a word.</summary>
internal readonly unsafe struct BFloat16Packing : IPacking
{
    public static int WordsPerUnit => 16;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SumGroups<TLanes, TVector>(uint* unit, float* x, int groups, int unitsPerGroup, float* sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        for (int group = 0; group < groups; group++)
        {
            TVector sum0 = TLanes.Zero;
            TVector sum1 = TLanes.Zero;
            TVector sum2 = TLanes.Zero;
            TVector sum3 = TLanes.Zero;
            for (int i = 0; i < unitsPerGroup * Units.Inputs; i += 4)
            {
                Prefetch.Ahead(unit);
                Prefetch.Ahead(unit + TLanes.Count);
                TVector word0 = TLanes.LoadWords(unit);
                TVector word1 = TLanes.LoadWords(unit + TLanes.Count);
                sum0 = TLanes.MultiplyAdd(TLanes.ShiftLeft(word0, 16), TLanes.Broadcast(x[0]), sum0);
                sum1 = TLanes.MultiplyAdd(TLanes.And(word0, 0xFFFF0000), TLanes.Broadcast(x[1]), sum1);
                sum2 = TLanes.MultiplyAdd(TLanes.ShiftLeft(word1, 16), TLanes.Broadcast(x[2]), sum2);
                sum3 = TLanes.MultiplyAdd(TLanes.And(word1, 0xFFFF0000), TLanes.Broadcast(x[3]), sum3);
                unit += 2 * TLanes.Count;
                x += 4;
            }

            TLanes.Store(TLanes.Add(TLanes.Add(sum0, sum1), TLanes.Add(sum2, sum3)), sums);
            sums += TLanes.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Unpack<TLanes, TVector>(uint* unit, TVector scale, TVector offset, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int step = PanelTile.Step<TLanes, TVector>();
        for (int i = 0; i < Units.Inputs; i += 4)
        {
            TVector word0 = TLanes.LoadWords(unit);
            TVector word1 = TLanes.LoadWords(unit + TLanes.Count);
            TLanes.Store(TLanes.ShiftLeft(word0, 16), tile);
            TLanes.Store(TLanes.And(word0, 0xFFFF0000), tile + step);
            TLanes.Store(TLanes.ShiftLeft(word1, 16), tile + (2 * step));
            TLanes.Store(TLanes.And(word1, 0xFFFF0000), tile + (3 * step));
            unit += 2 * TLanes.Count;
            tile += 4 * step;
        }
    }

    public static float Number(uint* words, int i) => BitConverter.UInt32BitsToSingle((uint)((ushort*)words)[i] << 16);
}

/// <summary>Half precision, two to a word.</summary>
internal readonly unsafe struct Float16Packing : IPacking
{
    public static int WordsPerUnit => 16;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SumGroups<TLanes, TVector>(uint* unit, float* x, int groups, int unitsPerGroup, float* sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        for (int group = 0; group < groups; group++)
        {
            TVector sum0 = TLanes.Zero;
            TVector sum1 = TLanes.Zero;
            TVector sum2 = TLanes.Zero;
            TVector sum3 = TLanes.Zero;
            for (int i = 0; i < unitsPerGroup * Units.Inputs; i += 4)
            {
                Prefetch.Ahead(unit);
                Prefetch.Ahead(unit + TLanes.Count);
                TVector word0 = TLanes.LoadWords(unit);
                TVector word1 = TLanes.LoadWords(unit + TLanes.Count);
                sum0 = TLanes.MultiplyAdd(HalfBits.Widen<TLanes, TVector>(TLanes.And(word0, 0xFFFF)), TLanes.Broadcast(x[0]), sum0);
                sum1 = TLanes.MultiplyAdd(HalfBits.Widen<TLanes, TVector>(TLanes.ShiftRight(word0, 16)), TLanes.Broadcast(x[1]), sum1);
                sum2 = TLanes.MultiplyAdd(HalfBits.Widen<TLanes, TVector>(TLanes.And(word1, 0xFFFF)), TLanes.Broadcast(x[2]), sum2);
                sum3 = TLanes.MultiplyAdd(HalfBits.Widen<TLanes, TVector>(TLanes.ShiftRight(word1, 16)), TLanes.Broadcast(x[3]), sum3);
                unit += 2 * TLanes.Count;
                x += 4;
            }

            TLanes.Store(TLanes.Add(TLanes.Add(sum0, sum1), TLanes.Add(sum2, sum3)), sums);
            sums += TLanes.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Unpack<TLanes, TVector>(uint* unit, TVector scale, TVector offset, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int step = PanelTile.Step<TLanes, TVector>();
        for (int i = 0; i < Units.Inputs; i += 4)
        {
            TVector word0 = TLanes.LoadWords(unit);
            TVector word1 = TLanes.LoadWords(unit + TLanes.Count);
            TLanes.Store(HalfBits.Widen<TLanes, TVector>(TLanes.And(word0, 0xFFFF)), tile);
            TLanes.Store(HalfBits.Widen<TLanes, TVector>(TLanes.ShiftRight(word0, 16)), tile + step);
            TLanes.Store(HalfBits.Widen<TLanes, TVector>(TLanes.And(word1, 0xFFFF)), tile + (2 * step));
            TLanes.Store(HalfBits.Widen<TLanes, TVector>(TLanes.ShiftRight(word1, 16)), tile + (3 * step));
            unit += 2 * TLanes.Count;
            tile += 4 * step;
        }
    }

    public static float Number(uint* words, int i) => (float)((Half*)words)[i];
}
