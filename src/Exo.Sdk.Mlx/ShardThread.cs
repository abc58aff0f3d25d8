using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Exo.Sdk.Mlx;

/// <summary>
/// The one thread on which a shard talks to MLX, whose streams and Metal encoders belong to threads. A thread serves one shard at a time
/// and then waits for the next: MLX never ends a thread's stream, so threads are not thrown away.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "Threads live as long as the process.")]
internal sealed class ShardThread
{
    private static readonly ConcurrentBag<ShardThread> Idle = [];
    private static int _count;

    private readonly ManualResetEventSlim _hasWork = new(initialState: false, spinCount: 200);
    private readonly ManualResetEventSlim _isDone = new(initialState: true, spinCount: 200);
    private Action? _work;
    private ExceptionDispatchInfo? _error;

    private ShardThread()
    {
        Thread thread = new(Loop) { IsBackground = true, Name = $"exo-mlx-{Interlocked.Increment(ref _count)}" };
        thread.Start();
    }

    /// <summary>Takes an idle thread or starts one.</summary>
    internal static ShardThread Rent() => Idle.TryTake(out ShardThread? thread) ? thread : new ShardThread();

    /// <summary>Gives a thread back that has finished its work.</summary>
    internal static void Return(ShardThread thread) => Idle.Add(thread);

    /// <summary>Runs work on the thread and waits for its end; an exception there is thrown here. One caller at a time.</summary>
    /// <param name="work">What to do. Pass the same delegate again to allocate nothing.</param>
    /// <param name="patience">How long to wait; the thread is lost to all further use once that is over.</param>
    /// <returns>False where it took too long.</returns>
    internal bool TryRun(Action work, TimeSpan patience)
    {
        _isDone.Reset();
        _work = work;
        _hasWork.Set();
        if (!_isDone.Wait(patience))
        {
            return false;
        }

        Wait();
        return true;
    }

    /// <summary>Waits for the end of the work that <see cref="TryRun"/> left behind; an exception there is thrown here.</summary>
    internal void Wait()
    {
        _isDone.Wait();
        ExceptionDispatchInfo? error = _error;
        _error = null;
        error?.Throw();
    }

    /// <summary>Runs work on the thread and waits for its end, however long that takes.</summary>
    internal void Run(Action work) => _ = TryRun(work, Timeout.InfiniteTimeSpan);

    private void Loop()
    {
        while (true)
        {
            _hasWork.Wait();
            _hasWork.Reset();
            try
            {
                _work!();
            }
            catch (Exception error)
            {
                _error = ExceptionDispatchInfo.Capture(error);
            }

            // A shard that is gone must not be kept alive by the last delegate.
            _work = null;
            _isDone.Set();
        }
    }
}
