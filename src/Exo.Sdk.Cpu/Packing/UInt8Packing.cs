using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Unsigned 8-bit integers, four to a word, the first in the lowest bits.</summary>
internal readonly unsafe struct UInt8Packing : IIntegerPacking
{
    public static int Bits => 8;

    public static int WordsPerUnit => 8;

    public static int QuadsAtOnce => 0;

    // The top value is shifted down, because as it stands it would read as a negative number.
    public static float InputScale(int i) => i % 4 == 3 ? 1 : 1f / (1u << (8 * (i % 4)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SumGroups<TLanes, TVector>(uint* unit, float* x, int groups, int unitsPerGroup, float* sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        uint mask = Opaque.Value(0xFF);
        TVector mask0 = TLanes.BroadcastBits(mask);
        TVector mask1 = TLanes.BroadcastBits(mask << 8);
        TVector mask2 = TLanes.BroadcastBits(mask << 16);
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
                sum0 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, mask0)), TLanes.Broadcast(x[0]), sum0);
                sum1 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, mask1)), TLanes.Broadcast(x[1]), sum1);
                sum2 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.And(word, mask2)), TLanes.Broadcast(x[2]), sum2);
                sum3 = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.ShiftRight(word, 24)), TLanes.Broadcast(x[3]), sum3);
                unit += TLanes.Count;
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
        for (int i = 0; i < WordsPerUnit; i++)
        {
            TVector word = TLanes.LoadWords(unit);
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 0), scale, offset), tile);
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 1), scale, offset), tile + step);
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 2), scale, offset), tile + (2 * step));
            TLanes.Store(TLanes.MultiplyAdd(Value<TLanes, TVector>(word, 3), scale, offset), tile + (3 * step));
            unit += TLanes.Count;
            tile += 4 * step;
        }
    }

    public static float Number(uint* words, int i) => (words[i / 4] >> (8 * (i % 4))) & 0xFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Quad<TLanes, TVector>(uint* unit, int quad)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.LoadWords(unit + (quad * TLanes.Count));

    public static int QuadInput(int quad, int index) => (4 * quad) + index;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Value<TLanes, TVector>(TVector word, int place)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.ToSingle(TLanes.And(TLanes.ShiftRight(word, 8 * place), 0xFF));
}
