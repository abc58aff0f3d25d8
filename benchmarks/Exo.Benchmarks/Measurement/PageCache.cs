using System.Diagnostics;
using Exo.Sdk.Cpu.Memory;

namespace Exo.Benchmarks.Measurement;

/// <summary>How long reading files takes when the system has them in memory already: what loading can reach at most.</summary>
internal static unsafe class PageCache
{
    private const int BlockBytes = 4 << 20;

    /// <summary>Reads the files several times on one thread, over and over into the same 4 MiB, which stay in the processor's cache.</summary>
    /// <returns>Seconds, the median.</returns>
    public static double SecondsToRead(IEnumerable<string> files)
    {
        using NativeBlock block = new(BlockBytes);
        string[] paths = [.. files];
        return Middle(() => Read(paths, _ => block.Bytes));
    }

    /// <summary>
    /// Reads the files several times on one thread, each time into memory that the system gives anew, as whoever wants to keep the
    /// bytes must: the pages cost more than the copying.
    /// </summary>
    /// <returns>Seconds, the median.</returns>
    public static double SecondsToKeep(IEnumerable<string> files)
    {
        string[] paths = [.. files];
        long bytes = paths.Sum(static path => new FileInfo(path).Length);
        return Middle(() =>
        {
            using NativeBlock memory = new(bytes + BlockBytes);
            Read(paths, offset => memory.Bytes + offset);
        });
    }

    private static double Middle(Action read)
    {
        read();
        return Median.Of(Enumerable.Range(0, 3).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            read();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }).ToArray());
    }

    private static void Read(string[] paths, Destination destination)
    {
        long total = 0;
        foreach (string path in paths)
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            for (int count; (count = stream.Read(new Span<byte>(destination(total), BlockBytes))) > 0; total += count)
            {
            }
        }
    }

    private delegate byte* Destination(long offset);
}
