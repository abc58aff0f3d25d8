using System.Runtime.CompilerServices;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// How values lie in 32-bit words: word j of a row carries the values j·Planes … (j+1)·Planes − 1, the first in the lowest bits.
/// A kernel takes one field out of a whole register of words at a time. Such a plane holds every Planes-th value, so the inputs
/// are put into the same order once (<see cref="InputOrder"/>) instead of every weight being moved to its place.
/// </summary>
internal unsafe interface IPacking
{
    /// <summary>Values per word.</summary>
    static abstract int Planes { get; }

    /// <summary>
    /// The power of two by which plane p's inputs are multiplied, because its weights are taken out without being shifted down.
    /// </summary>
    static abstract float InputScale(int plane);

    /// <summary>Takes one plane out of a register of words, as numbers divided by <see cref="InputScale"/>.</summary>
    static abstract TLanes Plane<TLanes>(TLanes words, int plane)
        where TLanes : struct, ILanes<TLanes>;

    /// <summary>Value <paramref name="index"/> of a row.</summary>
    static abstract float Value(byte* row, int index);
}

/// <summary>Single precision.</summary>
internal readonly unsafe struct Float32Packing : IPacking
{
    public static int Planes => 1;

    public static float InputScale(int plane) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Plane<TLanes>(TLanes words, int plane)
        where TLanes : struct, ILanes<TLanes> => words;

    public static float Value(byte* row, int index) => Unsafe.ReadUnaligned<float>(row + (index * sizeof(float)));
}

/// <summary>bfloat16: the upper half of a single-precision number.</summary>
internal readonly unsafe struct BFloat16Packing : IPacking
{
    public static int Planes => 2;

    public static float InputScale(int plane) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Plane<TLanes>(TLanes words, int plane)
        where TLanes : struct, ILanes<TLanes> => plane == 0 ? TLanes.ShiftLeft(words, 16) : TLanes.And(words, 0xFFFF0000);

    public static float Value(byte* row, int index) =>
        BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(row + (index * sizeof(ushort))) << 16);
}

/// <summary>Half precision.</summary>
internal readonly unsafe struct Float16Packing : IPacking
{
    // A half's exponent and fraction, moved to a single's place, read as the value times 2⁻¹¹²: the difference of the two biases.
    private const float BiasDifference = 5.192296858534828e33f;

    public static int Planes => 2;

    public static float InputScale(int plane) => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Plane<TLanes>(TLanes words, int plane)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes high = plane == 0 ? TLanes.ShiftLeft(words, 16) : words;
        TLanes magnitude = TLanes.And(TLanes.ShiftRight(high, 3), 0x0FFFE000);
        return TLanes.Multiply(TLanes.Or(magnitude, TLanes.And(high, 0x80000000)), TLanes.Broadcast(BiasDifference));
    }

    public static float Value(byte* row, int index) => (float)Unsafe.ReadUnaligned<Half>(row + (index * sizeof(ushort)));
}

/// <summary>Unsigned 4-bit values, eight to a word.</summary>
internal readonly unsafe struct UInt4Packing : IPacking
{
    public static int Planes => 8;

    // The top plane is shifted down, because as it stands it would read as a negative number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float InputScale(int plane) => plane == 7 ? 1 : 1f / (1 << (4 * plane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Plane<TLanes>(TLanes words, int plane)
        where TLanes : struct, ILanes<TLanes> => plane == 7 ? TLanes.TopField(words, 28) : TLanes.Field(words, 0xFu << (4 * plane));

    public static float Value(byte* row, int index) => (row[index >> 1] >> ((index & 1) * 4)) & 0xF;
}

/// <summary>Unsigned bytes, four to a word.</summary>
internal readonly unsafe struct UInt8Packing : IPacking
{
    public static int Planes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float InputScale(int plane) => plane == 3 ? 1 : 1f / (1 << (8 * plane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Plane<TLanes>(TLanes words, int plane)
        where TLanes : struct, ILanes<TLanes> => plane == 3 ? TLanes.TopField(words, 24) : TLanes.Field(words, 0xFFu << (8 * plane));

    public static float Value(byte* row, int index) => row[index];
}
