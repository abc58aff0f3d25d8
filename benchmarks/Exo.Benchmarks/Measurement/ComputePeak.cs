using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Exo.Benchmarks.Measurement;

/// <summary>
/// How many multiply-adds this machine does from registers with the instructions that .NET offers: what prefill can reach at most.
/// A multiply-add counts as two operations.
/// </summary>
internal static class ComputePeak
{
    private const int Iterations = 4_000_000;
    private const int Chains = 12;

    private delegate int Kernel(int iterations);

    /// <summary>Multiply-adds of single precision.</summary>
    /// <param name="threads">How many threads compute at once.</param>
    /// <returns>Operations per second of all threads together, the best of all register widths.</returns>
    public static double Float32(int threads) => Best(
        threads,
        (Vector512.IsHardwareAccelerated, 16, Fma512),
        (Vector256.IsHardwareAccelerated, 8, Fma256),
        (true, 4, Fma128));

    /// <summary>Products of bytes, summed: dot products of four where the processor has them, else pairs into 16 bits.</summary>
    /// <param name="threads">How many threads compute at once.</param>
    /// <returns>Operations per second of all threads together, the best of the ways that the processor has.</returns>
    public static double Int8(int threads) => Best(
        threads,
        (Avx512BW.IsSupported, 64, Pairs512),
        (Avx2.IsSupported, 32, Pairs256),
        (AvxVnni.IsSupported, 32, DotProduct256),
        (Dp.IsSupported, 16, DotProduct128),
        (!Avx2.IsSupported && !Dp.IsSupported, 16, Widening128));

    private static double Best(int threads, params ReadOnlySpan<(bool IsHere, int Products, Kernel Run)> kernels)
    {
        double best = 0;
        foreach ((bool isHere, int products, Kernel run) in kernels)
        {
            if (!isHere)
            {
                continue;
            }

            for (int round = 0; round < 5; round++)
            {
                double seconds = PinnedThreads.Time(threads, _ => Sink(run(Iterations)));
                best = Math.Max(best, 2.0 * products * Chains * Iterations * threads / seconds);
            }
        }

        return best;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Sink(int value) => _ = value;

    // Twelve sums that do not wait for each other cover a latency of 4 to 6 cycles on two units.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Fma512(int iterations)
    {
        Vector512<float> x = Vector512.Create(0.5f), y = Vector512.Create(0.25f);
        Vector512<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, k = default, l = default, m = default, n = default;
        for (int i = 0; i < iterations; i++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
            m = Vector512.FusedMultiplyAdd(m, x, y);
            n = Vector512.FusedMultiplyAdd(n, x, y);
        }

        return (int)Vector512.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Fma256(int iterations)
    {
        Vector256<float> x = Vector256.Create(0.5f), y = Vector256.Create(0.25f);
        Vector256<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, k = default, l = default, m = default, n = default;
        for (int i = 0; i < iterations; i++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
            k = Vector256.FusedMultiplyAdd(k, x, y);
            l = Vector256.FusedMultiplyAdd(l, x, y);
            m = Vector256.FusedMultiplyAdd(m, x, y);
            n = Vector256.FusedMultiplyAdd(n, x, y);
        }

        return (int)Vector256.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Fma128(int iterations)
    {
        Vector128<float> x = Vector128.Create(0.5f), y = Vector128.Create(0.25f);
        Vector128<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, k = default, l = default, m = default, n = default;
        for (int i = 0; i < iterations; i++)
        {
            a = Vector128.FusedMultiplyAdd(a, x, y);
            b = Vector128.FusedMultiplyAdd(b, x, y);
            c = Vector128.FusedMultiplyAdd(c, x, y);
            d = Vector128.FusedMultiplyAdd(d, x, y);
            e = Vector128.FusedMultiplyAdd(e, x, y);
            f = Vector128.FusedMultiplyAdd(f, x, y);
            g = Vector128.FusedMultiplyAdd(g, x, y);
            h = Vector128.FusedMultiplyAdd(h, x, y);
            k = Vector128.FusedMultiplyAdd(k, x, y);
            l = Vector128.FusedMultiplyAdd(l, x, y);
            m = Vector128.FusedMultiplyAdd(m, x, y);
            n = Vector128.FusedMultiplyAdd(n, x, y);
        }

        return (int)Vector128.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int DotProduct256(int iterations)
    {
        Vector256<byte> x = Vector256<byte>.One;
        Vector256<sbyte> y = Vector256<sbyte>.One;
        Vector256<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, k = default, l = default, m = default, n = default;
        for (int i = 0; i < iterations; i++)
        {
            a = AvxVnni.MultiplyWideningAndAdd(a, x, y);
            b = AvxVnni.MultiplyWideningAndAdd(b, x, y);
            c = AvxVnni.MultiplyWideningAndAdd(c, x, y);
            d = AvxVnni.MultiplyWideningAndAdd(d, x, y);
            e = AvxVnni.MultiplyWideningAndAdd(e, x, y);
            f = AvxVnni.MultiplyWideningAndAdd(f, x, y);
            g = AvxVnni.MultiplyWideningAndAdd(g, x, y);
            h = AvxVnni.MultiplyWideningAndAdd(h, x, y);
            k = AvxVnni.MultiplyWideningAndAdd(k, x, y);
            l = AvxVnni.MultiplyWideningAndAdd(l, x, y);
            m = AvxVnni.MultiplyWideningAndAdd(m, x, y);
            n = AvxVnni.MultiplyWideningAndAdd(n, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int DotProduct128(int iterations)
    {
        Vector128<sbyte> x = Vector128<sbyte>.One;
        Vector128<sbyte> y = Vector128<sbyte>.One;
        Vector128<int> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default, k = default, l = default, m = default, n = default;
        for (int i = 0; i < iterations; i++)
        {
            a = Dp.DotProduct(a, x, y);
            b = Dp.DotProduct(b, x, y);
            c = Dp.DotProduct(c, x, y);
            d = Dp.DotProduct(d, x, y);
            e = Dp.DotProduct(e, x, y);
            f = Dp.DotProduct(f, x, y);
            g = Dp.DotProduct(g, x, y);
            h = Dp.DotProduct(h, x, y);
            k = Dp.DotProduct(k, x, y);
            l = Dp.DotProduct(l, x, y);
            m = Dp.DotProduct(m, x, y);
            n = Dp.DotProduct(n, x, y);
        }

        return Vector128.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    // Pairs of products into sums of 16 bits. Each product takes the sum before, so that none is moved out of the loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Pairs512(int iterations)
    {
        Vector512<byte> x = Vector512<byte>.One;
        Vector512<short> a = x.AsInt16(), b = x.AsInt16(), c = x.AsInt16(), d = x.AsInt16(), e = x.AsInt16(), f = x.AsInt16(), g = x.AsInt16(), h = x.AsInt16(), k = x.AsInt16(), l = x.AsInt16(), m = x.AsInt16(), n = x.AsInt16();
        for (int i = 0; i < iterations; i++)
        {
            a += Avx512BW.MultiplyAddAdjacent(x, a.AsSByte());
            b += Avx512BW.MultiplyAddAdjacent(x, b.AsSByte());
            c += Avx512BW.MultiplyAddAdjacent(x, c.AsSByte());
            d += Avx512BW.MultiplyAddAdjacent(x, d.AsSByte());
            e += Avx512BW.MultiplyAddAdjacent(x, e.AsSByte());
            f += Avx512BW.MultiplyAddAdjacent(x, f.AsSByte());
            g += Avx512BW.MultiplyAddAdjacent(x, g.AsSByte());
            h += Avx512BW.MultiplyAddAdjacent(x, h.AsSByte());
            k += Avx512BW.MultiplyAddAdjacent(x, k.AsSByte());
            l += Avx512BW.MultiplyAddAdjacent(x, l.AsSByte());
            m += Avx512BW.MultiplyAddAdjacent(x, m.AsSByte());
            n += Avx512BW.MultiplyAddAdjacent(x, n.AsSByte());
        }

        return Vector512.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Pairs256(int iterations)
    {
        Vector256<byte> x = Vector256<byte>.One;
        Vector256<short> a = x.AsInt16(), b = x.AsInt16(), c = x.AsInt16(), d = x.AsInt16(), e = x.AsInt16(), f = x.AsInt16(), g = x.AsInt16(), h = x.AsInt16(), k = x.AsInt16(), l = x.AsInt16(), m = x.AsInt16(), n = x.AsInt16();
        for (int i = 0; i < iterations; i++)
        {
            a += Avx2.MultiplyAddAdjacent(x, a.AsSByte());
            b += Avx2.MultiplyAddAdjacent(x, b.AsSByte());
            c += Avx2.MultiplyAddAdjacent(x, c.AsSByte());
            d += Avx2.MultiplyAddAdjacent(x, d.AsSByte());
            e += Avx2.MultiplyAddAdjacent(x, e.AsSByte());
            f += Avx2.MultiplyAddAdjacent(x, f.AsSByte());
            g += Avx2.MultiplyAddAdjacent(x, g.AsSByte());
            h += Avx2.MultiplyAddAdjacent(x, h.AsSByte());
            k += Avx2.MultiplyAddAdjacent(x, k.AsSByte());
            l += Avx2.MultiplyAddAdjacent(x, l.AsSByte());
            m += Avx2.MultiplyAddAdjacent(x, m.AsSByte());
            n += Avx2.MultiplyAddAdjacent(x, n.AsSByte());
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + k + l + m + n);
    }

    /// <summary>Without an instruction for it: bytes are widened, multiplied and summed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Widening128(int iterations)
    {
        Vector128<short> sum = default;
        Vector128<sbyte> a = Vector128<sbyte>.One;
        for (int i = 0; i < iterations * Chains; i++)
        {
            (Vector128<short> low, Vector128<short> high) = Vector128.Widen(a);
            sum += (low * low) + (high * high);
        }

        return Vector128.Sum(sum);
    }
}
