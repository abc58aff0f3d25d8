using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>A number of bits as a type, so that it is a constant to the compiler.</summary>
internal interface IBits
{
    static abstract int Count { get; }

    static abstract uint Mask { get; }

    static abstract int QuadsAtOnce { get; }
}

/// <summary>3 bits.</summary>
internal readonly struct Bits3 : IBits
{
    public static int Count => 3;

    public static uint Mask => 0x7;

    public static int QuadsAtOnce => 8;
}

/// <summary>5 bits.</summary>
internal readonly struct Bits5 : IBits
{
    public static int Count => 5;

    public static uint Mask => 0x1F;

    public static int QuadsAtOnce => 4;
}

/// <summary>6 bits.</summary>
internal readonly struct Bits6 : IBits
{
    public static int Count => 6;

    public static uint Mask => 0x3F;

    public static int QuadsAtOnce => 2;
}

/// <summary>Unsigned integers of a width that does not divide a word: a row is one stream of bits, and some values lie in two words.</summary>
internal readonly unsafe struct UIntStreamPacking<TBits> : IIntegerPacking
    where TBits : struct, IBits
{
    public static int Bits => TBits.Count;

    public static int WordsPerUnit => TBits.Count;

    public static int QuadsAtOnce => TBits.QuadsAtOnce;

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
            for (int i = 0; i < unitsPerGroup; i++)
            {
                for (int word = 0; word < WordsPerUnit; word++)
                {
                    Prefetch.Ahead(unit + (word * TLanes.Count));
                }

                sum0 = AddEight<TLanes, TVector, Part0>(unit, x, sum0);
                sum1 = AddEight<TLanes, TVector, Part1>(unit, x + 8, sum1);
                sum2 = AddEight<TLanes, TVector, Part2>(unit, x + 16, sum2);
                sum3 = AddEight<TLanes, TVector, Part3>(unit, x + 24, sum3);
                unit += WordsPerUnit * TLanes.Count;
                x += Units.Inputs;
            }

            TLanes.Store(TLanes.Add(TLanes.Add(sum0, sum1), TLanes.Add(sum2, sum3)), sums);
            sums += TLanes.Count;
        }
    }

    public static void Unpack<TLanes, TVector>(uint* unit, TVector scale, TVector offset, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int step = PanelTile.Step<TLanes, TVector>();
        UnpackEight<TLanes, TVector, Part0>(unit, scale, offset, tile);
        UnpackEight<TLanes, TVector, Part1>(unit, scale, offset, tile + (8 * step));
        UnpackEight<TLanes, TVector, Part2>(unit, scale, offset, tile + (16 * step));
        UnpackEight<TLanes, TVector, Part3>(unit, scale, offset, tile + (24 * step));
    }

    public static float Number(uint* words, int i)
    {
        int bit = i * TBits.Count;
        uint value = words[bit / 32] >> (bit % 32);
        if ((bit % 32) + TBits.Count > 32)
        {
            value |= words[(bit / 32) + 1] << (32 - (bit % 32));
        }

        return value & TBits.Mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Quad<TLanes, TVector>(uint* unit, int quad)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        TVector lower = TLanes.Or(Field<TLanes, TVector>(unit, 4 * quad), TLanes.ShiftLeft(Field<TLanes, TVector>(unit, (4 * quad) + 1), 8));
        TVector upper = TLanes.Or(Field<TLanes, TVector>(unit, (4 * quad) + 2), TLanes.ShiftLeft(Field<TLanes, TVector>(unit, (4 * quad) + 3), 8));
        return TLanes.Or(lower, TLanes.ShiftLeft(upper, 16));
    }

    public static int QuadInput(int quad, int index) => (4 * quad) + index;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static TVector AddEight<TLanes, TVector, TPart>(uint* unit, float* x, TVector sum)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPart : struct, IUnitPart
    {
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First)), TLanes.Broadcast(x[0]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 1)), TLanes.Broadcast(x[1]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 2)), TLanes.Broadcast(x[2]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 3)), TLanes.Broadcast(x[3]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 4)), TLanes.Broadcast(x[4]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 5)), TLanes.Broadcast(x[5]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 6)), TLanes.Broadcast(x[6]), sum);
        sum = TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 7)), TLanes.Broadcast(x[7]), sum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void UnpackEight<TLanes, TVector, TPart>(uint* unit, TVector scale, TVector offset, float* tile)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPart : struct, IUnitPart
    {
        int step = PanelTile.Step<TLanes, TVector>();
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First)), scale, offset), tile);
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 1)), scale, offset), tile + step);
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 2)), scale, offset), tile + (2 * step));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 3)), scale, offset), tile + (3 * step));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 4)), scale, offset), tile + (4 * step));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 5)), scale, offset), tile + (5 * step));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 6)), scale, offset), tile + (6 * step));
        TLanes.Store(TLanes.MultiplyAdd(TLanes.ToSingle(Field<TLanes, TVector>(unit, TPart.First + 7)), scale, offset), tile + (7 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Field<TLanes, TVector>(uint* unit, int i)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int bit = i * TBits.Count;
        int word = bit / 32;
        int shift = bit % 32;
        TVector value = TLanes.ShiftRight(TLanes.LoadWords(unit + (word * TLanes.Count)), shift);
        if (shift + TBits.Count > 32)
        {
            value = TLanes.Or(value, TLanes.ShiftLeft(TLanes.LoadWords(unit + ((word + 1) * TLanes.Count)), 32 - shift));
        }

        return TLanes.And(value, TBits.Mask);
    }
}
