using System.Runtime.ExceptionServices;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Weights;

/// <summary>Runs all copies of a shard, piece by piece, on as many threads as there are processors.</summary>
internal static class PanelCopies
{
    private const int StepsTold = 200;

    /// <summary>Reads everything.</summary>
    /// <param name="copies">What to read.</param>
    /// <param name="source">Where from.</param>
    /// <param name="loaded">Bytes of the shard that are read already.</param>
    /// <param name="progress">Told now and then, from any thread, one at a time and in ascending order.</param>
    /// <param name="processors">The processors to read on, or null for all.</param>
    /// <param name="cancellationToken">Ends the attempt between two pieces.</param>
    internal static void Run(
        IReadOnlyList<PanelCopy> copies,
        WeightSource source,
        long loaded,
        IProgress<LoadProgress>? progress,
        int[]? processors,
        CancellationToken cancellationToken)
    {
        (PanelCopy Copy, int Piece)[] pieces =
            [.. copies.SelectMany(copy => Enumerable.Range(0, copy.PieceCount).Select(piece => (copy, piece)))];
        if (pieces.Length == 0)
        {
            return;
        }

        int bufferBytes = copies.Max(copy => copy.BufferBytes);
        int threads = Math.Clamp(processors?.Length ?? Environment.ProcessorCount, 1, pieces.Length);
        long totalBytes = loaded + copies.Sum(copy => copy.ByteCount);
        long told = loaded;
        Lock telling = new();
        ExceptionDispatchInfo? failure = null;
        int next = -1;

        // Threads of their own, because a thread that is bound to processors stays so.
        Thread[] readers = [.. Enumerable.Range(0, threads).Select(_ => new Thread(Work) { IsBackground = true, Name = "exo load" })];
        Array.ForEach(readers, thread => thread.Start());
        Array.ForEach(readers, thread => thread.Join());
        failure?.Throw();
        cancellationToken.ThrowIfCancellationRequested();

        unsafe void Work()
        {
            try
            {
                if (processors is not null)
                {
                    ProcessorAffinity.TryBind(processors);
                }

                using NativeBlock buffer = new(bufferBytes);
                while (Volatile.Read(ref failure) is null && !cancellationToken.IsCancellationRequested)
                {
                    int index = Interlocked.Increment(ref next);
                    if (index >= pieces.Length)
                    {
                        return;
                    }

                    (PanelCopy copy, int piece) = pieces[index];
                    long bytes = copy.Run(source, piece, buffer.Bytes);
                    if (progress is not null)
                    {
                        lock (telling)
                        {
                            loaded += bytes;
                            if (loaded - told >= totalBytes / StepsTold || loaded == totalBytes)
                            {
                                told = loaded;
                                progress.Report(new LoadProgress(loaded, totalBytes));
                            }
                        }
                    }
                }
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
            }
        }
    }
}
