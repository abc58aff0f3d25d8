using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Exo.Sdk.Cpu.Simd;

/// <summary>128 bits: every arm64 and x64 machine.</summary>
internal readonly unsafe struct Lanes128(Vector128<float> value) : ILanes<Lanes128>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    public static bool HasManyRegisters => Vector128.IsHardwareAccelerated && AdvSimd.Arm64.IsSupported;

    public static Lanes128 Zero => new(Vector128<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 value, float* destination) => value._value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadWords(uint* source) => new(Vector128.Load(source).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadUInt16(ushort* source) => new(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadSByte(sbyte* source) => new(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(source)).AsSByte())).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 BroadcastBits(uint bits) => new(Vector128.Create(bits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Add(Lanes128 a, Lanes128 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Subtract(Lanes128 a, Lanes128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Multiply(Lanes128 a, Lanes128 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Divide(Lanes128 a, Lanes128 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) => new(Vector128.Max(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 value) => new(Vector128.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Exp(Lanes128 value) => new(Vector128.Exp(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 And(Lanes128 bits, uint mask) => new((bits._value.AsUInt32() & Vector128.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Or(Lanes128 a, Lanes128 b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ShiftLeft(Lanes128 bits, int count) => new((bits._value.AsUInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ShiftRight(Lanes128 bits, int count) => new((bits._value.AsUInt32() >>> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ToSingle(Lanes128 integers) => new(Vector128.ConvertToSingle(integers._value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 value) => Vector128.Sum(value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Lanes128 value)
    {
        Vector128<float> halves = Vector128.Max(value._value, Vector128.Shuffle(value._value, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(halves[0], halves[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddByteProducts(Lanes128 sum, Lanes128 unsignedBytes, Lanes128 signedBytes)
    {
        if (Dp.IsSupported)
        {
            // Unsigned values up to 127 read as signed ones.
            return new(Dp.DotProduct(sum._value.AsInt32(), unsignedBytes._value.AsSByte(), signedBytes._value.AsSByte()).AsSingle());
        }

        return new((sum._value.AsInt16() + Products(unsignedBytes._value.AsByte(), signedBytes._value.AsSByte())).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Settle(Lanes128 integers, Lanes128 sum)
    {
        if (Dp.IsSupported)
        {
            return new((integers._value.AsInt32() + sum._value.AsInt32()).AsSingle());
        }

        return new((integers._value.AsInt32() + ByteProducts.PairSums(sum._value.AsInt16())).AsSingle());
    }

    private static Vector128<short> Products(Vector128<byte> a, Vector128<sbyte> b) =>
        Ssse3.IsSupported ? Ssse3.MultiplyAddAdjacent(a, b) : ByteProducts.MultiplyAddAdjacent(a, b);
}
