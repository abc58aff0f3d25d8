using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Packing;

/// <summary>How keys and values are held.</summary>
internal unsafe interface IKeyValueFormat : INumberFormat
{
    /// <summary>Whether each position of each head has a scale of its own, which elements that are loaded still lack.</summary>
    static abstract bool HasScales { get; }

    /// <summary>What loaded elements lack beside their scale.</summary>
    static abstract float LoadFactor { get; }

    /// <summary>The scale of a position's numbers.</summary>
    static abstract float ScaleOf(float* values, int count);

    /// <summary>Writes one element.</summary>
    /// <param name="value">The number, divided by the scale.</param>
    /// <param name="target">Where to.</param>
    static abstract void Store(float value, byte* target);
}

/// <summary>Single precision.</summary>
internal readonly unsafe struct Float32Format : IKeyValueFormat
{
    public static int ElementBytes => sizeof(float);

    public static bool HasScales => false;

    public static float LoadFactor => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.Load((float*)source);

    public static float ScaleOf(float* values, int count) => 1;

    public static void Store(float value, byte* target) => *(float*)target = value;
}

/// <summary>Half precision as it is.</summary>
internal readonly unsafe struct Float16Format : INumberFormat
{
    public static int ElementBytes => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => HalfBits.Widen<TLanes, TVector>(TLanes.ShiftLeft(TLanes.LoadUInt16((ushort*)source), 16));
}

/// <summary>
/// Half precision with a power of two as the scale of each position of each head. Numbers of any magnitude keep all eleven bits, and
/// hardly one is a subnormal half, which would be a subnormal single on its way and cost the processor a hundred cycles.
/// </summary>
internal readonly unsafe struct ScaledFloat16Format : IKeyValueFormat
{
    private const int LargestExponent = 14;

    public static int ElementBytes => sizeof(ushort);

    public static bool HasScales => true;

    public static float LoadFactor => HalfBits.BiasDifference;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => HalfBits.Place<TLanes, TVector>(TLanes.ShiftLeft(TLanes.LoadUInt16((ushort*)source), 16));

    public static float ScaleOf(float* values, int count)
    {
        float largest = LargestMagnitude.Of(values, count);
        return largest > 0 && float.IsFinite(largest) ? MathF.ScaleB(1, Math.Max(MathF.ILogB(largest) - LargestExponent, -100)) : 1;
    }

    public static void Store(float value, byte* target) => *(Half*)target = (Half)value;
}

/// <summary>bfloat16, rounded to the nearest.</summary>
internal readonly unsafe struct BFloat16Format : IKeyValueFormat
{
    public static int ElementBytes => sizeof(ushort);

    public static bool HasScales => false;

    public static float LoadFactor => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.ShiftLeft(TLanes.LoadUInt16((ushort*)source), 16);

    public static float ScaleOf(float* values, int count) => 1;

    public static void Store(float value, byte* target)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        *(ushort*)target = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

/// <summary>8-bit integers with one scale for each position of each head.</summary>
internal readonly unsafe struct Int8Format : IKeyValueFormat
{
    public static int ElementBytes => sizeof(sbyte);

    public static bool HasScales => true;

    public static float LoadFactor => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.ToSingle(TLanes.LoadSByte((sbyte*)source));

    public static float ScaleOf(float* values, int count) => LargestMagnitude.Of(values, count) / 127;

    public static void Store(float value, byte* target) => *(sbyte*)target = (sbyte)MathF.Round(value);
}

/// <summary>The largest of some numbers' magnitudes.</summary>
internal static unsafe class LargestMagnitude
{
    internal static float Of(float* values, int count)
    {
        float largest = 0;
        for (int i = 0; i < count; i++)
        {
            largest = MathF.Max(largest, MathF.Abs(values[i]));
        }

        return largest;
    }
}
