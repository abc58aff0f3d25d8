using System.Numerics;
using System.Runtime.Intrinsics;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>Element-wise sums of float vectors.</summary>
internal static class RankOrderSum
{
    /// <summary>Computes <c>result[i] = left[i] + right[i]</c>.</summary>
    /// <param name="left">The left operands.</param>
    /// <param name="right">The right operands, as many.</param>
    /// <param name="result">As many results; it may be one of the operands.</param>
    public static unsafe void Add(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> result)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(left.Length, result.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(right.Length, result.Length);
        fixed (float* first = left, second = right, target = result)
        {
            float** sources = stackalloc float*[] { first, second };
            Sum(sources, 2, target, result.Length);
        }
    }

    /// <summary>Computes <c>target[i] = ((s₀[i] + s₁[i]) + s₂[i]) …</c>, with the widest registers that the machine has.</summary>
    /// <param name="sources">The operands; they may be unaligned.</param>
    /// <param name="count">How many operands, at least 2.</param>
    /// <param name="target">The results; it may be one of the operands.</param>
    /// <param name="length">The number of results.</param>
    public static unsafe void Sum(float** sources, int count, float* target, int length)
    {
        nuint i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            const int Step = 4 * 16;
            for (; (int)i <= length - Step; i += Step)
            {
                float* first = sources[0] + i;
                Vector512<float> sum0 = Vector512.Load(first);
                Vector512<float> sum1 = Vector512.Load(first + 16);
                Vector512<float> sum2 = Vector512.Load(first + 32);
                Vector512<float> sum3 = Vector512.Load(first + 48);
                for (int k = 1; k < count; k++)
                {
                    float* next = sources[k] + i;
                    sum0 += Vector512.Load(next);
                    sum1 += Vector512.Load(next + 16);
                    sum2 += Vector512.Load(next + 32);
                    sum3 += Vector512.Load(next + 48);
                }

                sum0.Store(target + i);
                sum1.Store(target + i + 16);
                sum2.Store(target + i + 32);
                sum3.Store(target + i + 48);
            }
        }

        int width = Vector<float>.Count;
        for (; (int)i <= length - (2 * width); i += (nuint)(2 * width))
        {
            float* first = sources[0] + i;
            Vector<float> sum0 = Vector.Load(first);
            Vector<float> sum1 = Vector.Load(first + width);
            for (int k = 1; k < count; k++)
            {
                float* next = sources[k] + i;
                sum0 += Vector.Load(next);
                sum1 += Vector.Load(next + width);
            }

            sum0.Store(target + i);
            sum1.Store(target + i + width);
        }

        for (; (int)i < length; i++)
        {
            float sum = sources[0][i];
            for (int k = 1; k < count; k++)
            {
                sum += sources[k][i];
            }

            target[i] = sum;
        }
    }
}
