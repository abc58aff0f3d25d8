using System.Runtime.Intrinsics;

namespace Exo.Sdk.Cpu.Simd;

/// <summary>Products of bytes where the processor has no instruction for them.</summary>
internal static class ByteProducts
{
    /// <summary>Each pair's a₀·b₀ + a₁·b₁, which must fit 16 bits.</summary>
    internal static Vector128<short> MultiplyAddAdjacent(Vector128<byte> a, Vector128<sbyte> b)
    {
        Vector128<ushort> pairs = a.AsUInt16();
        Vector128<short> even = (pairs & Vector128.Create((ushort)0xFF)).AsInt16() * ((b.AsInt16() << 8) >> 8);
        Vector128<short> odd = (pairs >> 8).AsInt16() * (b.AsInt16() >> 8);
        return even + odd;
    }

    /// <summary>Each pair's sum.</summary>
    internal static Vector128<int> PairSums(Vector128<short> a) => ((a.AsInt32() << 16) >> 16) + (a.AsInt32() >> 16);
}
