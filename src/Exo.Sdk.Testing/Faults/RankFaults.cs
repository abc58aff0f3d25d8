namespace Exo.Sdk.Testing.Faults;

/// <summary>What is wrong with one rank, now or from some operation on. Thread-safe; a sound operation takes a lock and allocates nothing.</summary>
internal sealed class RankFaults(TimeProvider time)
{
    private const long Never = long.MaxValue;

    private readonly object _gate = new();
    private FaultInjectingCollective? _group;
    private long _operations;
    private long _killAfter = Never;
    private long _freezeAfter = Never;
    private bool _isFrozen;
    private TimeSpan _delay;

    /// <summary>Operations begun.</summary>
    public long Operations
    {
        get
        {
            lock (_gate)
            {
                return _operations;
            }
        }
    }

    /// <summary>The rank has a new group.</summary>
    public void Attach(FaultInjectingCollective group)
    {
        lock (_gate)
        {
            _group = group;
        }
    }

    public void Kill(int afterOperations)
    {
        FaultInjectingCollective? victim;
        lock (_gate)
        {
            bool now = afterOperations == 0 && _group is { HasEnded: false };
            victim = now ? _group : null;
            _killAfter = now ? Never : _operations + afterOperations;
        }

        // Outside the lock: it may wait for an operation under way, which may wait for the lock.
        victim?.Dispose();
    }

    public void Freeze(int afterOperations)
    {
        lock (_gate)
        {
            _isFrozen |= afterOperations == 0;
            _freezeAfter = afterOperations == 0 ? Never : _operations + afterOperations;
        }
    }

    public void Thaw()
    {
        lock (_gate)
        {
            _isFrozen = false;
            _freezeAfter = Never;
            Monitor.PulseAll(_gate);
        }
    }

    public void Delay(TimeSpan delay)
    {
        lock (_gate)
        {
            _delay = delay;
        }
    }

    /// <summary>A group has ended: whoever waits in it looks again.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Before an operation. Where the group has ended meanwhile it returns, and the operation throws what the end calls for.</summary>
    public void Begin(FaultInjectingCollective group)
    {
        bool dies;
        lock (_gate)
        {
            _operations++;
            dies = _operations > _killAfter;
            _killAfter = dies ? Never : _killAfter;
            if (_operations > _freezeAfter)
            {
                _isFrozen = true;
                _freezeAfter = Never;
            }

            if (!dies)
            {
                // Asked here, because the wait itself allocates what its timer needs, even where it returns at once.
                if (_delay != TimeSpan.Zero)
                {
                    WaitOutDelay(group);
                }

                WaitUntilThawed(group);
            }
        }

        if (dies)
        {
            group.Dispose();
        }
    }

    /// <summary>After an operation: a rank that was frozen inside it goes no further.</summary>
    public void Complete(FaultInjectingCollective group)
    {
        lock (_gate)
        {
            WaitUntilThawed(group);
        }
    }

    private void WaitUntilThawed(FaultInjectingCollective group)
    {
        while (_isFrozen && !group.HasEnded)
        {
            Monitor.Wait(_gate);
        }
    }

    private void WaitOutDelay(FaultInjectingCollective group)
    {
        bool isOver = false;
        using ITimer timer = time.CreateTimer(
            _ =>
            {
                lock (_gate)
                {
                    isOver = true;
                    Monitor.PulseAll(_gate);
                }
            },
            null,
            _delay,
            Timeout.InfiniteTimeSpan);
        while (!isOver && !group.HasEnded)
        {
            Monitor.Wait(_gate);
        }
    }
}
