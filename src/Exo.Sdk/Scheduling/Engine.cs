using System.Collections.Concurrent;
using System.Diagnostics;
using Exo.Sdk.Diagnostics;

namespace Exo.Sdk.Scheduling;

/// <summary>
/// Rank 0's scheduler: admits requests, packs a step (a token of every running sequence, then a chunk of the prompts that wait),
/// tells the other ranks, runs its own shard and hands out logits. It owns one thread; everything it does to shard and group happens there.
/// </summary>
/// <remarks>
/// What one request does wrong ends that request alone: its tokens are checked before they reach a frame, and what its hooks throw stays
/// with it. What concerns all, a lost peer or a shard that failed, ends the engine. Either way callers get an <see cref="ExoException"/>.
/// </remarks>
internal sealed class Engine : IDisposable
{
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(5);

    private readonly IModelShard _shard;
    private readonly ICollective _group;
    private readonly EngineLimits _limits;
    private readonly Action<ExoException> _onFault;
    private readonly ClusterMeter _meter;
    private readonly StepTimeline? _timeline;
    private readonly Thread _thread;
    private readonly ConcurrentQueue<SequenceRequest> _waiting = new();
    private readonly ManualResetEventSlim _wake = new(false, spinCount: 0);
    private readonly List<RunningSequence> _running;
    private readonly Queue<int> _freeSlots = new();
    private readonly Queue<int> _slotsToFree = new();
    private readonly StepFrame _frame;
    private readonly List<RunningSequence> _logitRows;
    private readonly float[] _logits;
    private volatile bool _stopping;
    private volatile Exception? _ordered;
    private Exception? _fault;

    /// <param name="shard">Rank 0's shard.</param>
    /// <param name="group">The connected group.</param>
    /// <param name="limits">The same on every rank.</param>
    /// <param name="onFault">Told once, on the engine's thread, when the engine dies of an error.</param>
    /// <param name="meter">What is counted and timed.</param>
    /// <param name="timeline">Where to record scheduling and sampling, or null.</param>
    public Engine(
        IModelShard shard, ICollective group, EngineLimits limits, Action<ExoException> onFault, ClusterMeter meter, StepTimeline? timeline = null)
    {
        _timeline = timeline;
        _shard = shard;
        _group = group;
        _limits = limits;
        _onFault = onFault;
        _meter = meter;
        _running = new List<RunningSequence>(limits.MaxSequences);
        _logitRows = new List<RunningSequence>(limits.MaxSequences);
        _frame = new StepFrame(limits);
        _logits = GC.AllocateArray<float>(checked(limits.MaxSequences * limits.VocabularySize), pinned: true);
        for (int slot = 0; slot < limits.MaxSequences; slot++)
        {
            _freeSlots.Enqueue(slot);
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "exo engine" };
        _thread.Start();
    }

    /// <summary>Queues a sequence. Thread-safe. This is the only way to the shard.</summary>
    /// <exception cref="ConfigurationException">Its tokens are not the model's, or do not fit the context.</exception>
    public void Submit(SequenceRequest request)
    {
        TokenRules.Check(request.Tokens, _limits.VocabularySize, _limits.ContextLength);
        _meter.Queued(1);
        _waiting.Enqueue(request);
        _wake.Set();

        // The thread may have ended between the caller's check and the enqueue; whoever sees both fails the request.
        if (Volatile.Read(ref _fault) is { } fault)
        {
            FailWaiting(fault);
        }
    }

    /// <summary>Ends the engine with an error that was noticed elsewhere, also while it is idle. Thread-safe; the first call wins.</summary>
    public void Fault(ExoException error)
    {
        Interlocked.CompareExchange(ref _ordered, error, null);
        _wake.Set();
    }

    /// <summary>Wakes the engine so that it notices a canceled request. Thread-safe.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Ends the other ranks' loops and the thread; open requests fail.</summary>
    public void Dispose()
    {
        _stopping = true;
        _wake.Set();
        if (Thread.CurrentThread != _thread && !_thread.Join(StopDeadline))
        {
            // A step hangs on a peer: end the group under it.
            _group.Abort(_group.Rank, "the cluster was disposed during a step");
            _thread.Join(StopDeadline);
        }

        _wake.Dispose();
    }

    private void Run()
    {
        ExoException? fault = null;
        try
        {
            while (!_stopping)
            {
                _wake.Reset();
                if (_ordered is { } error)
                {
                    throw error;
                }

                if (!RunOneStep())
                {
                    _wake.Wait();
                }
            }

            _frame.MakeStop();
            _frame.Send(_group);
        }
        catch (Exception error)
        {
            // While it is being disposed an error is no news: the group may have been ended under a step.
            fault = _stopping ? null : error as ExoException ?? new BackendException($"The engine failed: {error.Message}", error);
        }

        FailAll(fault ?? (Exception)new ObjectDisposedException(typeof(Engine).Namespace, "The cluster was disposed."));
        if (fault is not null)
        {
            _meter.Failed(fault);
            _onFault(fault);
        }
    }

    /// <summary>Runs a step where there is something to do.</summary>
    private bool RunOneStep()
    {
        long began = Stopwatch.GetTimestamp();
        long time = began;
        _frame.Clear();
        _logitRows.Clear();
        DropCancelled();
        while (_slotsToFree.TryDequeue(out int slot))
        {
            _frame.Add(new CacheOperation(CacheOperationKind.Free, slot));
            _freeSlots.Enqueue(slot);
        }

        Admit();
        Pack();
        if (_frame.IsEmpty)
        {
            return false;
        }

        _frame.Send(_group);
        _timeline?.Record(StepPhase.Schedule, -1, time);
        RankWorker.RunStep(_shard, _frame, _logits.AsSpan(0, _logitRows.Count * _limits.VocabularySize));
        time = Stopwatch.GetTimestamp();
        Deliver();
        _timeline?.Record(StepPhase.Sample, -1, time);
        _meter.Stepped(began, _frame.Batch.Tokens.Length, _logitRows.Count);
        return true;
    }

    private void DropCancelled()
    {
        for (int i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].Request.IsCancelled)
            {
                Retire(i);
            }
        }
    }

    private void Admit()
    {
        while (_freeSlots.Count > 0 && _waiting.TryDequeue(out SequenceRequest? request))
        {
            _meter.Queued(-1);
            if (!request.IsCancelled && Begin(request))
            {
                RunningSequence sequence = new(request, _freeSlots.Dequeue());
                _running.Add(sequence);
                _meter.Running(1);
                _frame.Add(new CacheOperation(CacheOperationKind.Allocate, sequence.Slot));
            }
        }
    }

    /// <summary>A single token goes first, so that a long prompt never stalls those who already read along.</summary>
    private void Pack()
    {
        foreach (RunningSequence sequence in _running)
        {
            if (sequence.Pending.Length == 1)
            {
                Add(sequence, 1);
            }
        }

        foreach (RunningSequence sequence in _running)
        {
            if (sequence.Pending.Length > 1 && _frame.FreeTokens > 0)
            {
                Add(sequence, Math.Min(_frame.FreeTokens, sequence.Pending.Length));
            }
        }
    }

    private void Add(RunningSequence sequence, int count)
    {
        ReadOnlySpan<int> pending = sequence.Pending;
        bool isLast = count == pending.Length;
        _frame.Add(sequence.Slot, sequence.Length, pending[..count], isLast ? StepLogits.Last : StepLogits.None);
        sequence.Length += count;
        if (isLast)
        {
            _logitRows.Add(sequence);
        }
    }

    private void Deliver()
    {
        for (int row = 0; row < _logitRows.Count; row++)
        {
            RunningSequence sequence = _logitRows[row];
            if (!GoOn(sequence.Request, _logits.AsSpan(row * _limits.VocabularySize, _limits.VocabularySize)))
            {
                Retire(_running.IndexOf(sequence));
            }
        }
    }

    private bool Begin(SequenceRequest request)
    {
        try
        {
            request.OnAdmitted();
            return true;
        }
        catch (Exception error)
        {
            Fail(request, error);
            return false;
        }
    }

    /// <summary>Lets a request choose its next token. One that cannot go on, for example because no logit is finite, fails alone.</summary>
    private bool GoOn(SequenceRequest request, Span<float> logits)
    {
        try
        {
            if (request.OnLogits(logits) is not { } token)
            {
                return false;
            }

            TokenRules.CheckNext(token, request, _limits.VocabularySize, _limits.ContextLength);
            request.Add(token);
            return true;
        }
        catch (Exception error)
        {
            Fail(request, error);
            return false;
        }
    }

    private void Retire(int index)
    {
        _slotsToFree.Enqueue(_running[index].Slot);
        _running.RemoveAt(index);
        _meter.Running(-1);
    }

    private void Fail(SequenceRequest request, Exception error)
    {
        // The end of the engine is counted once, not for each request that it takes along.
        if (error != _fault)
        {
            _meter.Failed(error);
        }

        try
        {
            request.Fail(error is ExoException or ObjectDisposedException
                ? error
                : new GenerationException($"The generation failed: {error.Message}", error));
        }
        catch (Exception)
        {
            // It cannot even take its end, and there is nobody else to tell.
        }
    }

    private void FailAll(Exception error)
    {
        // A full fence: whoever enqueues after the queue is found empty must see the fault (see Submit).
        Interlocked.Exchange(ref _fault, error);
        _meter.Running(-_running.Count);
        foreach (RunningSequence sequence in _running)
        {
            Fail(sequence.Request, error);
        }

        FailWaiting(error);
    }

    private void FailWaiting(Exception error)
    {
        while (_waiting.TryDequeue(out SequenceRequest? request))
        {
            _meter.Queued(-1);
            Fail(request, error);
        }
    }
}
