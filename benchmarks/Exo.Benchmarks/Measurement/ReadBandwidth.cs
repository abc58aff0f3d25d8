using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Exo.Benchmarks.Measurement;

/// <summary>How fast this machine reads memory: what a decode step, which reads every weight once, can reach at most.</summary>
internal static class ReadBandwidth
{
    private const long BytesPerThread = 512L << 20;

    /// <summary>Sums buffers far larger than the caches, one buffer for each thread.</summary>
    /// <param name="threads">How many threads read at once.</param>
    /// <param name="rounds">Repetitions.</param>
    /// <returns>Bytes per second of all threads together, the median.</returns>
    public static unsafe double Measure(int threads, int rounds = 7)
    {
        nint[] buffers = new nint[threads];
        for (int i = 0; i < threads; i++)
        {
            buffers[i] = (nint)NativeMemory.AlignedAlloc((nuint)BytesPerThread, 4096);
            new Span<byte>((void*)buffers[i], (int)BytesPerThread).Fill(1);
        }

        try
        {
            return Median.Of(Enumerable.Range(0, rounds + 1).Select(_ => Round(buffers)).ToArray().Skip(1));
        }
        finally
        {
            foreach (nint buffer in buffers)
            {
                NativeMemory.AlignedFree((void*)buffer);
            }
        }
    }

    private static double Round(nint[] buffers)
    {
        using Barrier start = new(buffers.Length);
        long began = long.MaxValue;
        Lock gate = new();
        Thread[] readers = [.. buffers.Select(buffer => new Thread(() =>
        {
            start.SignalAndWait();
            long now = Stopwatch.GetTimestamp();
            lock (gate)
            {
                began = Math.Min(began, now);
            }

            GC.KeepAlive(Sum(buffer));
        }))];
        foreach (Thread reader in readers)
        {
            reader.Start();
        }

        foreach (Thread reader in readers)
        {
            reader.Join();
        }

        return BytesPerThread * buffers.Length / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    // Eight sums, so that additions do not wait for each other.
    private static unsafe uint Sum(nint buffer)
    {
        uint* next = (uint*)buffer;
        uint* end = next + (BytesPerThread / sizeof(uint));
        int width = Vector<uint>.Count;
        Vector<uint> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        for (; next < end; next += 8 * width)
        {
            a += Vector.Load(next);
            b += Vector.Load(next + width);
            c += Vector.Load(next + (2 * width));
            d += Vector.Load(next + (3 * width));
            e += Vector.Load(next + (4 * width));
            f += Vector.Load(next + (5 * width));
            g += Vector.Load(next + (6 * width));
            h += Vector.Load(next + (7 * width));
        }

        return Vector.Sum(a + b + c + d + e + f + g + h);
    }
}
