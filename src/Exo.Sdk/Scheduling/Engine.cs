using System.Collections.Concurrent;
using System.Diagnostics;

namespace Exo.Sdk.Scheduling;

/// <summary>
/// Rank 0's scheduler: admits requests, packs a step (a token of every running sequence, then a chunk of the prompts that wait),
/// tells the other ranks, runs its own shard and samples. It owns one thread; everything it does to shard and group happens there.
/// </summary>
internal sealed class Engine : IDisposable
{
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(5);

    private readonly IModelShard _shard;
    private readonly ICollective _group;
    private readonly EngineLimits _limits;
    private readonly Action<Exception> _onFault;
    private readonly StepTimeline? _timeline;
    private readonly Thread _thread;
    private readonly ConcurrentQueue<SequenceRequest> _waiting = new();
    private readonly ManualResetEventSlim _wake = new(false, spinCount: 0);
    private readonly List<SequenceRequest> _running;
    private readonly Queue<int> _freeSlots = new();
    private readonly Queue<int> _slotsToFree = new();
    private readonly StepFrame _frame;
    private readonly List<SequenceRequest> _logitRows;
    private readonly float[] _logits;
    private volatile bool _stopping;
    private volatile Exception? _ordered;
    private Exception? _fault;

    /// <param name="shard">Rank 0's shard.</param>
    /// <param name="group">The connected group.</param>
    /// <param name="limits">The same on every rank.</param>
    /// <param name="onFault">Told once, on the engine's thread, when the engine dies of an error.</param>
    /// <param name="timeline">Where to record scheduling and sampling, or null.</param>
    public Engine(IModelShard shard, ICollective group, EngineLimits limits, Action<Exception> onFault, StepTimeline? timeline = null)
    {
        _timeline = timeline;
        _shard = shard;
        _group = group;
        _limits = limits;
        _onFault = onFault;
        _running = new List<SequenceRequest>(limits.MaxSequences);
        _logitRows = new List<SequenceRequest>(limits.MaxSequences);
        _frame = new StepFrame(limits.MaxSequences, limits.MaxBatchTokens);
        _logits = GC.AllocateArray<float>(checked(limits.MaxSequences * limits.VocabularySize), pinned: true);
        for (int slot = 0; slot < limits.MaxSequences; slot++)
        {
            _freeSlots.Enqueue(slot);
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "exo engine" };
        _thread.Start();
    }

    /// <summary>Queues a sequence. Thread-safe.</summary>
    public void Submit(SequenceRequest request)
    {
        _waiting.Enqueue(request);
        _wake.Set();

        // The thread may have ended between the caller's check and the enqueue; whoever sees both fails the request.
        if (Volatile.Read(ref _fault) is { } fault)
        {
            request.Fail(fault);
        }
    }

    /// <summary>Ends the engine with an error that was noticed elsewhere, also while it is idle. Thread-safe; the first call wins.</summary>
    public void Fault(Exception error)
    {
        Interlocked.CompareExchange(ref _ordered, error, null);
        _wake.Set();
    }

    /// <summary>Wakes the engine so that it notices a cancelled request. Thread-safe.</summary>
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
        Exception? fault = null;
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
            fault = _stopping ? null : error;
        }

        FailAll(fault ?? new ObjectDisposedException(nameof(Cluster)));
        if (fault is not null)
        {
            _onFault(fault);
        }
    }

    /// <summary>Runs a step where there is something to do.</summary>
    private bool RunOneStep()
    {
        long began = Stopwatch.GetTimestamp();
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
        _timeline?.Record(StepPhase.Schedule, -1, began);
        RankWorker.RunStep(_shard, _frame, _logits.AsSpan(0, _logitRows.Count * _limits.VocabularySize));
        began = Stopwatch.GetTimestamp();
        Deliver();
        _timeline?.Record(StepPhase.Sample, -1, began);
        return true;
    }

    private void DropCancelled()
    {
        for (int i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].IsCancelled)
            {
                Retire(i);
            }
        }
    }

    private void Admit()
    {
        while (_freeSlots.Count > 0 && _waiting.TryDequeue(out SequenceRequest? request))
        {
            if (request.IsCancelled)
            {
                continue;
            }

            request.Slot = _freeSlots.Dequeue();
            request.OnAdmitted();
            _running.Add(request);
            _frame.Add(new CacheOperation(CacheOperationKind.Allocate, request.Slot));
        }
    }

    /// <summary>Decode tokens go first, so that a long prompt never stalls those who already read along.</summary>
    private void Pack()
    {
        foreach (SequenceRequest request in _running)
        {
            if (!request.IsPrefilling)
            {
                _frame.Add(request.Slot, request.Length, [request.NextToken], wantsLogits: true);
                request.Length++;
                _logitRows.Add(request);
            }
        }

        foreach (SequenceRequest request in _running)
        {
            int free = _frame.FreeTokens;
            if (request.IsPrefilling && free > 0)
            {
                int count = Math.Min(free, request.Prompt.Length - request.Length);
                bool isLast = request.Length + count == request.Prompt.Length;
                _frame.Add(request.Slot, request.Length, request.Prompt.AsSpan(request.Length, count), isLast);
                request.Length += count;
                if (isLast)
                {
                    _logitRows.Add(request);
                }
            }
        }
    }

    private void Deliver()
    {
        for (int row = 0; row < _logitRows.Count; row++)
        {
            SequenceRequest request = _logitRows[row];
            Span<float> logits = _logits.AsSpan(row * _limits.VocabularySize, _limits.VocabularySize);
            if (NextToken(request, logits) is { } token)
            {
                request.NextToken = token;
            }
            else
            {
                Retire(_running.IndexOf(request));
            }
        }
    }

    /// <summary>A text that cannot go on, for example because its options leave no logit finite, fails alone.</summary>
    private static int? NextToken(SequenceRequest request, Span<float> logits)
    {
        try
        {
            return request.OnLogits(logits);
        }
        catch (Exception error)
        {
            request.Fail(error);
            return null;
        }
    }

    private void Retire(int index)
    {
        _slotsToFree.Enqueue(_running[index].Slot);
        _running.RemoveAt(index);
    }

    private void FailAll(Exception error)
    {
        // A full fence: whoever enqueues after the queue is found empty must see the fault (see Submit).
        Interlocked.Exchange(ref _fault, error);
        foreach (SequenceRequest request in _running)
        {
            request.Fail(error);
        }

        while (_waiting.TryDequeue(out SequenceRequest? request))
        {
            request.Fail(error);
        }
    }
}
