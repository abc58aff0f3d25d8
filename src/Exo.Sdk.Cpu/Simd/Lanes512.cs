using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Exo.Sdk.Cpu.Simd;

/// <summary>512 bits: x64 with AVX-512.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    public static bool HasManyRegisters => true;

    public static Lanes512 Zero => new(Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 value, float* destination) => value._value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadWords(uint* source) => new(Vector512.Load(source).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadUInt16(ushort* source) => Avx512F.IsSupported
        ? new(Avx512F.ConvertToVector512Int32(Vector256.Load(source)).AsSingle())
        : new(Vector512.Create(Vector256.WidenLower(Vector256.Load(source)), Vector256.WidenUpper(Vector256.Load(source))).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadSByte(sbyte* source) => Avx512F.IsSupported
        ? new(Avx512F.ConvertToVector512Int32(Vector128.Load(source)).AsSingle())
        : new(Vector512.WidenLower(Vector512.WidenLower(Vector128.Load(source).ToVector256Unsafe().ToVector512Unsafe())).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 BroadcastBits(uint bits) => new(Vector512.Create(bits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Add(Lanes512 a, Lanes512 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Subtract(Lanes512 a, Lanes512 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Multiply(Lanes512 a, Lanes512 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Divide(Lanes512 a, Lanes512 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Vector512.Max(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Abs(Lanes512 value) => new(Vector512.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Exp(Lanes512 value) => new(Vector512.Exp(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 And(Lanes512 bits, uint mask) => new((bits._value.AsUInt32() & Vector512.Create(mask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Or(Lanes512 a, Lanes512 b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ShiftLeft(Lanes512 bits, int count) => new((bits._value.AsUInt32() << count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ShiftRight(Lanes512 bits, int count) => new((bits._value.AsUInt32() >>> count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ToSingle(Lanes512 integers) => new(Vector512.ConvertToSingle(integers._value.AsInt32()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 value) => Vector512.Sum(value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Lanes512 value)
    {
        return Lanes256.MaxAcross(new Lanes256(Vector256.Max(value._value.GetLower(), value._value.GetUpper())));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddByteProducts(Lanes512 sum, Lanes512 unsignedBytes, Lanes512 signedBytes)
    {
        return new((sum._value.AsInt16() + Products(unsignedBytes._value.AsByte(), signedBytes._value.AsSByte())).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Settle(Lanes512 integers, Lanes512 sum)
    {
        return new((integers._value.AsInt32() + PairSums(sum._value.AsInt16())).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Products(Vector512<byte> a, Vector512<sbyte> b) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(a, b)
        : Vector512.Create(Products(a.GetLower(), b.GetLower()), Products(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> PairSums(Vector512<short> a) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(a, Vector512<short>.One)
        : Vector512.Create(PairSums(a.GetLower()), PairSums(a.GetUpper()));

    private static Vector256<short> Products(Vector256<byte> a, Vector256<sbyte> b) => Vector256.Create(
        ByteProducts.MultiplyAddAdjacent(a.GetLower(), b.GetLower()), ByteProducts.MultiplyAddAdjacent(a.GetUpper(), b.GetUpper()));

    private static Vector256<int> PairSums(Vector256<short> a) =>
        Vector256.Create(ByteProducts.PairSums(a.GetLower()), ByteProducts.PairSums(a.GetUpper()));
}
