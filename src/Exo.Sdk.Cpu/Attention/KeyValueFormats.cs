using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>How keys and values are held.</summary>
internal unsafe interface IKeyValueFormat
{
    /// <summary>Bytes of an element.</summary>
    static abstract int ElementBytes { get; }

    /// <summary>Whether each position of each head has a scale of its own.</summary>
    static abstract bool HasScales { get; }

    /// <summary>As many consecutive elements as there are lanes, not yet scaled.</summary>
    static abstract TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct;

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.Load((float*)source);

    public static void Store(float value, byte* target) => *(float*)target = value;
}

/// <summary>Half precision; larger numbers become the largest half.</summary>
internal readonly unsafe struct Float16Format : IKeyValueFormat
{
    private const float Largest = 65504;

    public static int ElementBytes => sizeof(ushort);

    public static bool HasScales => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => HalfBits.Widen<TLanes, TVector>(TLanes.LoadUInt16((ushort*)source));

    public static void Store(float value, byte* target) => *(Half*)target = (Half)Math.Clamp(value, -Largest, Largest);
}

/// <summary>bfloat16, rounded to the nearest.</summary>
internal readonly unsafe struct BFloat16Format : IKeyValueFormat
{
    public static int ElementBytes => sizeof(ushort);

    public static bool HasScales => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.ShiftLeft(TLanes.LoadUInt16((ushort*)source), 16);

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load<TLanes, TVector>(byte* source)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct => TLanes.ToSingle(TLanes.LoadSByte((sbyte*)source));

    public static void Store(float value, byte* target) => *(sbyte*)target = (sbyte)MathF.Round(value);

    /// <summary>The scale that makes the largest of some numbers 127.</summary>
    internal static float ScaleOf(float* values, int count)
    {
        float largest = 0;
        for (int i = 0; i < count; i++)
        {
            largest = MathF.Max(largest, MathF.Abs(values[i]));
        }

        return largest / 127;
    }
}
