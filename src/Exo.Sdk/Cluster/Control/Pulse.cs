namespace Exo.Sdk.Control;

/// <summary>
/// Calls an action at an interval. With the system's clock on a thread of its own, because a heartbeat that waits for the thread pool
/// stops when a program blocks it, and the peer takes the program for dead; with any other clock on that clock's timer.
/// </summary>
internal sealed class Pulse : IDisposable
{
    private readonly ITimer? _timer;
    private readonly Thread? _thread;
    private readonly ManualResetEventSlim _stop = new();
    private long _intervalTicks;

    /// <param name="interval">Between two calls.</param>
    /// <param name="time">The clock.</param>
    /// <param name="beat">It must neither block nor throw.</param>
    public Pulse(TimeSpan interval, TimeProvider time, Action beat)
    {
        _intervalTicks = interval.Ticks;
        if (time != TimeProvider.System)
        {
            _timer = time.CreateTimer(_ => beat(), null, interval, interval);
            return;
        }

        _thread = new Thread(() =>
        {
            while (!_stop.Wait(TimeSpan.FromTicks(Volatile.Read(ref _intervalTicks))))
            {
                beat();
            }
        })
        {
            IsBackground = true,
            Name = "exo heartbeat",
        };
        _thread.Start();
    }

    /// <summary>From the next call on.</summary>
    public void Change(TimeSpan interval)
    {
        Volatile.Write(ref _intervalTicks, interval.Ticks);
        _timer?.Change(interval, interval);
    }

    /// <summary>Stops; no call is under way when it returns, unless a call itself disposes.</summary>
    public void Dispose()
    {
        _timer?.Dispose();
        _stop.Set();
        if (_thread is not null && _thread != Thread.CurrentThread)
        {
            _thread.Join();
            _stop.Dispose();
        }
    }
}
