using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Exo.Sdk.Cpu.Threading;

namespace Exo.Benchmarks.Measurement;

/// <summary>Threads that do the same work at the same time, each bound to a processor of its own.</summary>
internal static class PinnedThreads
{
    /// <summary>Runs work on all threads at once.</summary>
    /// <param name="count">Threads; thread t is bound to processor t.</param>
    /// <param name="work">What a thread does, told its number.</param>
    /// <returns>Seconds from the first thread's start to the last one's end.</returns>
    public static double Time(int count, Action<int> work)
    {
        using Barrier start = new(count);
        long[] began = new long[count];
        long[] ended = new long[count];
        ExceptionDispatchInfo? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(index => new Thread(() =>
        {
            ProcessorAffinity.TryBind(index);
            start.SignalAndWait();
            began[index] = Stopwatch.GetTimestamp();
            try
            {
                work(index);
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
            }

            ended[index] = Stopwatch.GetTimestamp();
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        failure?.Throw();
        return Stopwatch.GetElapsedTime(began.Min(), ended.Max()).TotalSeconds;
    }
}
