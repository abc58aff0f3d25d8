using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Exo.Sdk.Cpu.Memory;

namespace Exo.Benchmarks.Measurement;

/// <summary>
/// How fast this machine reads memory: what a decode step, which reads every weight once, can reach at most. Buffers far larger than the
/// caches, in huge pages where the system gives them, one buffer for each thread. Several kernels take turns and the best counts: a
/// limit that a better loop could beat is none.
/// </summary>
internal static unsafe class ReadBandwidth
{
    private const long BytesPerThread = 320L << 20;
    private const long Block = 512;

    private delegate uint Kernel(byte* buffer, long bytes);

    /// <summary>Reads with every kernel.</summary>
    /// <param name="threads">How many threads read at once.</param>
    /// <param name="rounds">Repetitions of each kernel, one more to warm up aside.</param>
    /// <returns>Bytes per second of all threads together, the best.</returns>
    public static double Measure(int threads, int rounds = 4)
    {
        NativeBlock[] buffers = [.. Enumerable.Range(0, threads).Select(static _ => new NativeBlock(BytesPerThread))];
        try
        {
            PinnedThreads.Time(threads, index => new Span<byte>(buffers[index].Bytes, (int)BytesPerThread).Fill(1));
            Kernel[] kernels = [Sum256, Sum512, static (b, n) => Prefetching(b, n, 4096), static (b, n) => Prefetching(b, n, 8192), Streams];
            double best = 0;
            for (int round = 0; round <= rounds; round++)
            {
                foreach (Kernel kernel in kernels)
                {
                    double seconds = PinnedThreads.Time(threads, index => Sink(kernel(buffers[index].Bytes, BytesPerThread)));
                    best = round == 0 ? 0 : Math.Max(best, BytesPerThread * threads / seconds);
                }
            }

            return best;
        }
        finally
        {
            Array.ForEach(buffers, static buffer => buffer.Dispose());
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Sink(uint sum) => _ = sum;

    // Eight sums, so that additions do not wait for each other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Sum256(byte* buffer, long bytes)
    {
        Vector256<uint> a = default, b = default, c = default, d = default;
        for (byte* end = buffer + bytes; buffer < end; buffer += Block)
        {
            a += Four256(buffer);
            b += Four256(buffer + 128);
            c += Four256(buffer + 256);
            d += Four256(buffer + 384);
        }

        return Vector256.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Sum512(byte* buffer, long bytes)
    {
        Vector512<uint> a = default, b = default, c = default, d = default;
        for (byte* end = buffer + bytes; buffer < end; buffer += Block)
        {
            a += Two512(buffer);
            b += Two512(buffer + 128);
            c += Two512(buffer + 256);
            d += Two512(buffer + 384);
        }

        return Vector512.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Prefetching(byte* buffer, long bytes, int distance)
    {
        Vector512<uint> a = default, b = default, c = default, d = default;
        for (byte* end = buffer + bytes; buffer < end; buffer += Block)
        {
            Ask(buffer + distance);
            a += Two512(buffer);
            b += Two512(buffer + 128);
            c += Two512(buffer + 256);
            d += Two512(buffer + 384);
        }

        return Vector512.Sum(a + b + c + d);
    }

    // Four places at a time, for processors that follow several streams better than one.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Streams(byte* buffer, long bytes)
    {
        long quarter = bytes / 4;
        Vector512<uint> a = default, b = default, c = default, d = default;
        for (byte* end = buffer + quarter; buffer < end; buffer += 128)
        {
            a += Two512(buffer);
            b += Two512(buffer + quarter);
            c += Two512(buffer + (2 * quarter));
            d += Two512(buffer + (3 * quarter));
        }

        return Vector512.Sum(a + b + c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Four256(byte* p) =>
        (Vector256.Load((uint*)p) + Vector256.Load((uint*)(p + 32))) + (Vector256.Load((uint*)(p + 64)) + Vector256.Load((uint*)(p + 96)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Two512(byte* p) => Vector512.Load((uint*)p) + Vector512.Load((uint*)(p + 64));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ask(byte* block)
    {
        if (Sse.IsSupported)
        {
            for (int line = 0; line < Block; line += 64)
            {
                Sse.Prefetch0(block + line);
            }
        }
    }
}
