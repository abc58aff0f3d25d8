using System.Diagnostics;

namespace Exo.Benchmarks.Measurement;

/// <summary>How long reading files takes when the system has them in memory already: what loading can reach at most.</summary>
internal static class PageCache
{
    /// <summary>Reads the files three times on one thread.</summary>
    /// <returns>Seconds, the median.</returns>
    public static double SecondsToRead(IEnumerable<string> files)
    {
        string[] paths = [.. files];
        byte[] buffer = GC.AllocateUninitializedArray<byte>(4 << 20, pinned: true);
        return Median.Of(Enumerable.Range(0, 4).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            foreach (string path in paths)
            {
                using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
                while (stream.Read(buffer) > 0)
                {
                }
            }

            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }).ToArray().Skip(1));
    }
}
