using System.Numerics;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Models;

/// <summary>
/// Widens 16-bit floating-point numbers to single precision, exactly and in place: the narrow numbers lie in the upper half of the
/// destination and are widened from the front. Number i is written to bytes 4i…4i+3 and read from bytes 2n+2i and 2n+2i+1, which
/// no earlier write has reached, because i ≤ n.
/// </summary>
internal static class FloatWidening
{
    /// <summary>The part of the destination that takes the narrow numbers, two bytes for each.</summary>
    public static Span<byte> NarrowPart(Span<float> destination) => MemoryMarshal.AsBytes(destination)[(destination.Length * 2)..];

    /// <summary>Widens bfloat16: its bits are the upper half of the single-precision number's.</summary>
    /// <param name="destination">Its <see cref="NarrowPart"/> holds the narrow numbers.</param>
    public static void WidenBFloat16(Span<float> destination)
    {
        ReadOnlySpan<ushort> source = MemoryMarshal.Cast<byte, ushort>(NarrowPart(destination));
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            bits[i] = (uint)source[i] << 16;
        }
    }

    /// <summary>Widens IEEE half precision.</summary>
    /// <param name="destination">Its <see cref="NarrowPart"/> holds the narrow numbers.</param>
    public static void WidenHalf(Span<float> destination)
    {
        ReadOnlySpan<ushort> source = MemoryMarshal.Cast<byte, ushort>(NarrowPart(destination));
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            WidenHalf(low).CopyTo(bits[i..]);
            WidenHalf(high).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            bits[i] = BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf(source[i]));
        }
    }

    // Half has 5 exponent bits with bias 15 and 10 mantissa bits, single has 8 with bias 127 and 23. Shifted into place the number is
    // 2¹¹² times too small; infinities and NaNs then need the exponent's upper end; subnormals need normalizing, which a subtraction
    // of the implicit one does exactly.
    private static Vector<uint> WidenHalf(Vector<uint> half)
    {
        const uint ExponentMask = 0x7c00u << 13;
        Vector<uint> magnitude = (half & new Vector<uint>(0x7fff)) << 13;
        Vector<uint> exponent = magnitude & new Vector<uint>(ExponentMask);
        Vector<uint> normal = magnitude + new Vector<uint>((127 - 15) << 23);
        Vector<uint> special = normal + new Vector<uint>((128 - 16) << 23);
        Vector<float> withOne = Vector.AsVectorSingle(normal + new Vector<uint>(1u << 23));
        Vector<uint> subnormal = Vector.AsVectorUInt32(withOne - new Vector<float>(BitConverter.UInt32BitsToSingle((127 - 14) << 23)));
        Vector<uint> widened = Vector.ConditionalSelect(Vector.Equals(exponent, Vector<uint>.Zero), subnormal, normal);
        widened = Vector.ConditionalSelect(Vector.Equals(exponent, new Vector<uint>(ExponentMask)), special, widened);
        return widened | ((half & new Vector<uint>(0x8000)) << 16);
    }
}
