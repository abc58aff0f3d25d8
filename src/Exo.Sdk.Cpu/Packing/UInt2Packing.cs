using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Unsigned 2-bit integers, sixteen to a word, the first in the lowest bits.</summary>
internal readonly unsafe struct UInt2Packing : IIntegerPacking
{
    public static int Bits => 2;

    public static int WordsPerUnit => 2;

    public static int QuadsAtOnce => 8;

    // The top value is shifted down, because as it stands it would read as a negative number.
    public static float InputScale(int i) => i % 16 == 15 ? 1 : 1f / (1u << (2 * (i % 16)));

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
            for (int i = 0; i < unitsPerGroup * WordsPerUnit; i++)
            {
                Prefetch.Ahead(unit);
                TVector word = TLanes.LoadWords(unit);
                sum0 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 0)), TLanes.Broadcast(x[0]), sum0);
                sum1 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 2)), TLanes.Broadcast(x[1]), sum1);
                sum2 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 4)), TLanes.Broadcast(x[2]), sum2);
                sum3 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 6)), TLanes.Broadcast(x[3]), sum3);
                sum0 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 8)), TLanes.Broadcast(x[4]), sum0);
                sum1 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 10)), TLanes.Broadcast(x[5]), sum1);
                sum2 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 12)), TLanes.Broadcast(x[6]), sum2);
                sum3 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 14)), TLanes.Broadcast(x[7]), sum3);
                sum0 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 16)), TLanes.Broadcast(x[8]), sum0);
                sum1 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 18)), TLanes.Broadcast(x[9]), sum1);
                sum2 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 20)), TLanes.Broadcast(x[10]), sum2);
                sum3 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 22)), TLanes.Broadcast(x[11]), sum3);
                sum0 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 24)), TLanes.Broadcast(x[12]), sum0);
                sum1 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 26)), TLanes.Broadcast(x[13]), sum1);
                sum2 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, 0x3u << 28)), TLanes.Broadcast(x[14]), sum2);
                sum3 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.ShiftRight(word, 30)), TLanes.Broadcast(x[15]), sum3);
                unit += TLanes.Count;
                x += 16;
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
        for (int i = 0; i < WordsPerUnit; i++)
        {
            TVector word = TLanes.LoadWords(unit);
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 0), scale, offset), tile);
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 1), scale, offset), tile + step);
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 2), scale, offset), tile + (2 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 3), scale, offset), tile + (3 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 4), scale, offset), tile + (4 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 5), scale, offset), tile + (5 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 6), scale, offset), tile + (6 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 7), scale, offset), tile + (7 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 8), scale, offset), tile + (8 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 9), scale, offset), tile + (9 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 10), scale, offset), tile + (10 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 11), scale, offset), tile + (11 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 12), scale, offset), tile + (12 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 13), scale, offset), tile + (13 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 14), scale, offset), tile + (14 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 15), scale, offset), tile + (15 * step));
            unit += TLanes.Count;
            tile += 16 * step;
        }
    }

    public static float Number(uint* words, int i) => (words[i / 16] >> (2 * (i % 16))) & 0x3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Quad<TLanes, TVector>(uint* unit, int quad)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct =>
        TLanes.And(TLanes.ShiftRight(TLanes.LoadWords(unit + (quad / 4 * TLanes.Count)), 2 * (quad % 4)), 0x03030303);

    public static int QuadInput(int quad, int index) => (16 * (quad / 4)) + (quad % 4) + (4 * index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Value<TLanes, TVector>(TVector word, int place)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.ToSingle(TLanes.And(TLanes.ShiftRight(word, 2 * place), 0x3));
}
