using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>Single precision.</summary>
internal readonly unsafe struct Float32Packing : IPacking
{
    public static int WordsPerUnit => 32;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SumUnit<TLanes>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes> => UnitSum.Of<TLanes, Float32Packing>(unit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Number<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes> => TLanes.LoadWords(unit + (i * TLanes.Count));

    public static float Number(uint* words, int i) => ((float*)words)[i];
}

/// <summary>bfloat16, the upper half of a single-precision number, two to a word.</summary>
internal readonly unsafe struct BFloat16Packing : IPacking
{
    public static int WordsPerUnit => 16;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SumUnit<TLanes>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes> => UnitSum.Of<TLanes, BFloat16Packing>(unit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Number<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes words = TLanes.LoadWords(unit + (i / 2 * TLanes.Count));
        return i % 2 == 0 ? TLanes.ShiftLeft(words, 16) : TLanes.And(words, 0xFFFF0000);
    }

    public static float Number(uint* words, int i) => BitConverter.UInt32BitsToSingle((uint)((ushort*)words)[i] << 16);
}

/// <summary>Half precision, two to a word.</summary>
internal readonly unsafe struct Float16Packing : IPacking
{
    public static int WordsPerUnit => 16;

    public static float InputScale(int i) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes SumUnit<TLanes>(uint* unit, float* x)
        where TLanes : struct, ILanes<TLanes> => UnitSum.Of<TLanes, Float16Packing>(unit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Number<TLanes>(uint* unit, int i)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes words = TLanes.LoadWords(unit + (i / 2 * TLanes.Count));
        return HalfBits.Widen(i % 2 == 0 ? TLanes.And(words, 0xFFFF) : TLanes.ShiftRight(words, 16));
    }

    public static float Number(uint* words, int i) => (float)((Half*)words)[i];
}
