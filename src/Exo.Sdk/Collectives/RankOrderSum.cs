using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Collectives;

/// <summary>Element-wise sums of float vectors.</summary>
internal static class RankOrderSum
{
    /// <summary>Computes <c>result[i] = left[i] + right[i]</c>.</summary>
    /// <param name="left">The left operands.</param>
    /// <param name="right">The right operands, as many.</param>
    /// <param name="result">As many results; it may be one of the operands.</param>
    public static void Add(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> result)
    {
        int length = result.Length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(left.Length, length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(right.Length, length);
        ref float a = ref MemoryMarshal.GetReference(left);
        ref float b = ref MemoryMarshal.GetReference(right);
        ref float c = ref MemoryMarshal.GetReference(result);
        int width = Vector<float>.Count;
        nuint i = 0;
        for (; (int)i <= length - (4 * width); i += (nuint)(4 * width))
        {
            Vector<float> sum0 = Vector.LoadUnsafe(ref a, i) + Vector.LoadUnsafe(ref b, i);
            Vector<float> sum1 = Vector.LoadUnsafe(ref a, i + (nuint)width) + Vector.LoadUnsafe(ref b, i + (nuint)width);
            Vector<float> sum2 = Vector.LoadUnsafe(ref a, i + (nuint)(2 * width)) + Vector.LoadUnsafe(ref b, i + (nuint)(2 * width));
            Vector<float> sum3 = Vector.LoadUnsafe(ref a, i + (nuint)(3 * width)) + Vector.LoadUnsafe(ref b, i + (nuint)(3 * width));
            sum0.StoreUnsafe(ref c, i);
            sum1.StoreUnsafe(ref c, i + (nuint)width);
            sum2.StoreUnsafe(ref c, i + (nuint)(2 * width));
            sum3.StoreUnsafe(ref c, i + (nuint)(3 * width));
        }

        for (; (int)i < length; i++)
        {
            Unsafe.Add(ref c, i) = Unsafe.Add(ref a, i) + Unsafe.Add(ref b, i);
        }
    }
}
