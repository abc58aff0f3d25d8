using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>A number of bits as a type, so that it is a constant to the compiler.</summary>
internal interface IBits
{
    static abstract int Count { get; }
}

/// <summary>3 bits.</summary>
internal readonly struct Bits3 : IBits
{
    public static int Count => 3;
}

/// <summary>5 bits.</summary>
internal readonly struct Bits5 : IBits
{
    public static int Count => 5;
}

/// <summary>6 bits.</summary>
internal readonly struct Bits6 : IBits
{
    public static int Count => 6;
}

/// <summary>Unsigned integers of a width that does not divide a word: a row is one stream of bits, and some values lie in two words.</summary>
internal readonly unsafe struct UIntStreamPacking<TBits> : IIntegerPacking
    where TBits : struct, IBits
{
    public static int Bits => TBits.Count;

    public static int WordsPerUnit => TBits.Count;

    private static uint Mask => (1u << TBits.Count) - 1;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SumUnit<TLanes>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes> => UnitSum.Of<TLanes, UIntStreamPacking<TBits>>(unit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Number<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes> => TLanes.ToSingle(Field<TLanes>(unit, i));

    public static float Number(uint* words, int i)
    {
        int bit = i * TBits.Count;
        uint value = words[bit / 32] >> (bit % 32);
        if ((bit % 32) + TBits.Count > 32)
        {
            value |= words[(bit / 32) + 1] << (32 - (bit % 32));
        }

        return value & Mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Quad<TLanes>(uint* unit, int quad)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes lower = TLanes.Or(Field<TLanes>(unit, 4 * quad), TLanes.ShiftLeft(Field<TLanes>(unit, (4 * quad) + 1), 8));
        TLanes upper = TLanes.Or(Field<TLanes>(unit, (4 * quad) + 2), TLanes.ShiftLeft(Field<TLanes>(unit, (4 * quad) + 3), 8));
        return TLanes.Or(lower, TLanes.ShiftLeft(upper, 16));
    }

    public static int QuadInput(int quad, int index) => (4 * quad) + index;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Field<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes>
    {
        int bit = i * TBits.Count;
        int word = bit / 32;
        int shift = bit % 32;
        TLanes value = TLanes.ShiftRight(TLanes.LoadWords(unit + (word * TLanes.Count)), shift);
        if (shift + TBits.Count > 32)
        {
            value = TLanes.Or(value, TLanes.ShiftLeft(TLanes.LoadWords(unit + ((word + 1) * TLanes.Count)), 32 - shift));
        }

        return TLanes.And(value, Mask);
    }
}
