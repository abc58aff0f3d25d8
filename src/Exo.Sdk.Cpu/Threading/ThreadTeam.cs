using System.Runtime.ExceptionServices;

namespace Exo.Sdk.Cpu.Threading;

/// <summary>Work that a team does together, stage by stage.</summary>
internal interface ITeamWork
{
    /// <summary>Does one worker's share of a stage.</summary>
    /// <param name="stage">The stage, as the work itself numbers them.</param>
    /// <param name="worker">The worker, counted from 0.</param>
    /// <param name="workers">The number of workers.</param>
    void Run(int stage, int worker, int workers);
}

/// <summary>
/// Threads that compute the stages of a step side by side. A stage lasts some microseconds, so workers spin for the next one; after
/// <see cref="SpinLimit"/> without work they sleep. Running a stage allocates nothing. One thread at a time calls <see cref="Run"/>.
/// </summary>
internal sealed class ThreadTeam : IDisposable
{
    // About 100 µs: longer than a rank waits for its peers in a step, shorter than a pause between requests.
    private const int SpinLimit = 2000;
    private const int SpinsBeforeYield = 200;

    private readonly Worker[] _others;
    private readonly bool _isCrowded;
    private readonly int[]? _processors;
    private ITeamWork? _work;
    private int _stage;
    private int _round;
    private volatile bool _isEnding;
    private ExceptionDispatchInfo? _failure;
    private Thread? _pinned;

    /// <summary>Starts the threads.</summary>
    /// <param name="count">Threads, the calling one included.</param>
    /// <param name="processors">The processors to bind them to, in turn; null binds none.</param>
    internal ThreadTeam(int count, int[]? processors)
    {
        Count = count;
        _processors = processors is { Length: > 0 } ? processors : null;
        _isCrowded = count > Environment.ProcessorCount;
        _others = new Worker[count - 1];
        for (int i = 0; i < _others.Length; i++)
        {
            _others[i] = new Worker(this, i + 1);
        }

        Array.ForEach(_others, worker => worker.Start());
    }

    /// <summary>Threads, the calling one included.</summary>
    internal int Count { get; }

    /// <summary>Runs a stage on all threads and returns when all have done their share.</summary>
    internal void Run(ITeamWork work, int stage)
    {
        if (_processors is not null && _pinned != Thread.CurrentThread)
        {
            _pinned = Thread.CurrentThread;
            ProcessorAffinity.TryBind(_processors[0]);
        }

        if (_others.Length == 0)
        {
            work.Run(stage, 0, 1);
            return;
        }

        _failure = null; // One of a stage in which the leader failed too.
        _work = work;
        _stage = stage;
        int round = _round + 1;
        Volatile.Write(ref _round, round);
        foreach (Worker worker in _others)
        {
            worker.WakeIfAsleep();
        }

        try
        {
            work.Run(stage, 0, Count);
        }
        finally
        {
            foreach (Worker worker in _others)
            {
                for (int spins = 0; worker.Done != round; spins++)
                {
                    Pause(spins);
                }
            }
        }

        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    public void Dispose()
    {
        _isEnding = true;
        Volatile.Write(ref _round, _round + 1);
        foreach (Worker worker in _others)
        {
            worker.WakeIfAsleep();
        }

        Array.ForEach(_others, worker => worker.Dispose());
    }

    private void Pause(int spins)
    {
        if (_isCrowded || spins > SpinsBeforeYield)
        {
            Thread.Yield();
        }
        else
        {
            Thread.SpinWait(4);
        }
    }

    private sealed class Worker : IDisposable
    {
        private readonly ThreadTeam _team;
        private readonly int _index;
        private readonly Thread _thread;
        private readonly AutoResetEvent _wake = new(false);
        private int _isAsleep;
        private int _done;

        internal Worker(ThreadTeam team, int index)
        {
            _team = team;
            _index = index;
            _thread = new Thread(Loop) { IsBackground = true, Name = $"exo compute {index}" };
        }

        /// <summary>The last round that is done.</summary>
        internal int Done => Volatile.Read(ref _done);

        internal void Start() => _thread.Start();

        internal void WakeIfAsleep()
        {
            // A full fence lies between the new round and this: either the worker sees the round or this sees it asleep.
            if (Interlocked.CompareExchange(ref _isAsleep, 0, 1) == 1)
            {
                _wake.Set();
            }
        }

        public void Dispose()
        {
            if (_thread.IsAlive)
            {
                _thread.Join();
            }

            _wake.Dispose();
        }

        private void Loop()
        {
            if (_team._processors is { } processors)
            {
                ProcessorAffinity.TryBind(processors[_index % processors.Length]);
            }

            while (true)
            {
                WaitForRound();
                if (_team._isEnding)
                {
                    return;
                }

                try
                {
                    _team._work!.Run(_team._stage, _index, _team.Count);
                }
                catch (Exception error)
                {
                    Interlocked.CompareExchange(ref _team._failure, ExceptionDispatchInfo.Capture(error), null);
                }

                Volatile.Write(ref _done, _done + 1);
            }
        }

        private void WaitForRound()
        {
            int spins = 0;
            while (Volatile.Read(ref _team._round) == _done)
            {
                if (++spins < SpinLimit)
                {
                    _team.Pause(spins);
                    continue;
                }

                Interlocked.Exchange(ref _isAsleep, 1);
                if (Volatile.Read(ref _team._round) != _done)
                {
                    if (Interlocked.CompareExchange(ref _isAsleep, 0, 1) == 0)
                    {
                        _wake.WaitOne(); // The wake-up is under way: take it, so that it does not end a later sleep.
                    }

                    return;
                }

                _wake.WaitOne();
                spins = 0;
            }
        }
    }
}
