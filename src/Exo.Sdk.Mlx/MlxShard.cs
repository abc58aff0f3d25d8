using System.Runtime.InteropServices;
using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Distributed;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx;

/// <summary>One rank's part of a model, run by MLX on a thread of its own while the caller waits.</summary>
internal sealed unsafe class MlxShard : IModelShard
{
    private const int Computing = 0;
    private const int Gathering = 1;
    private const int Lost = 2;

    private readonly ModelSpec _spec;
    private readonly ShardOptions _options;
    private readonly ICollective _group;
    private readonly MlxGroup? _mlxGroup;
    private readonly ShardThread _thread;
    private readonly MlxOperations _operations;
    private readonly MlxType _type;
    private readonly ShardWeights _weights;
    private readonly DecoderPass _pass;
    private readonly VocabularyGather _gather;
    private readonly SequenceSlots<SequenceCache> _slots;
    private readonly Action _forward;
    private readonly List<MlxArray> _pending = [];
    private readonly int[] _tokens;
    private readonly int[] _rows;
    private readonly SequenceStep[] _steps;
    private readonly int[] _headSizes;
    private int _tokenCount;
    private int _stepCount;
    private int _rowCount;
    private float* _logits;
    private int _logitCount;
    private int _stage;
    private bool _isDisposed;

    /// <summary>Makes the shard, which owns thread, operations and weights once it is made.</summary>
    internal MlxShard(
        ModelSpec spec,
        ShardAssignment assignment,
        ShardOptions options,
        ICollective group,
        MlxGroup? mlxGroup,
        ShardThread thread,
        MlxOperations operations,
        MlxType type,
        ShardWeights weights)
    {
        Assignment = assignment;
        _spec = spec;
        _options = options;
        _group = group;
        _mlxGroup = mlxGroup;
        _thread = thread;
        _operations = operations;
        _type = type;
        _weights = weights;
        IRankSum ranks = group.Size == 1 ? new LoneRankSum() : mlxGroup is null ? new CollectiveSum(group) : new MlxGroupSum(mlxGroup.Handle);
        _pass = new DecoderPass(spec, assignment, weights, operations, type, ranks);
        _gather = new VocabularyGather(group, assignment.Tokens, spec.VocabularySize, options.MaxSequences);
        _slots = new SequenceSlots<SequenceCache>(options.MaxSequences);
        _tokens = new int[options.MaxBatchTokens];
        _rows = new int[options.MaxBatchTokens];
        _steps = new SequenceStep[options.MaxSequences];
        _headSizes = [.. weights.Parts.OfType<AttentionWeights>().Select(static attention => attention.Spec.HeadSize)];
        _forward = Forward;
    }

    public ShardAssignment Assignment { get; }

    public ShardMemory Memory
    {
        get
        {
            nuint buffers = 0;
            _ = _operations.Api.GetCacheMemory(&buffers);
            return new ShardMemory(_weights.ByteCount, _slots.ByteCount, (long)buffers);
        }
    }

    public void Allocate(int slot)
    {
        CheckIsUsable();
        _slots.Open(slot, NewSequence);
    }

    public void Fork(int source, int target)
    {
        CheckIsUsable();
        SequenceCache from = _slots[source];
        SequenceCache to = _slots.Open(target, NewSequence);
        _thread.Run(() => to.Share(from));
    }

    public void Truncate(int slot, int length)
    {
        CheckIsUsable();
        _slots.Truncate(slot, length);
    }

    public void Free(int slot)
    {
        CheckIsUsable();
        _thread.Run(_slots.Close(slot).Dispose);
    }

    public void Forward(in StepBatch batch, Span<float> logits)
    {
        CheckIsUsable();
        ShardRules.CheckStep(batch, logits, _spec, _options, Assignment.Rank, _slots);
        if (batch.Tokens.IsEmpty)
        {
            throw new ArgumentException("The sequences count 0 tokens; the step has 0.", nameof(batch));
        }

        batch.Tokens.CopyTo(_tokens);
        batch.Sequences.CopyTo(_steps);
        _tokenCount = batch.Tokens.Length;
        _stepCount = batch.Sequences.Length;
        _rowCount = batch.LogitRowCount;
        _logitCount = Assignment.Rank == 0 ? _rowCount * _spec.VocabularySize : 0;
        fixed (float* room = logits)
        {
            _logits = room;
            try
            {
                if (_mlxGroup is null)
                {
                    _thread.Run(_forward);
                }
                else
                {
                    Await(_mlxGroup);
                }
            }
            finally
            {
                _logits = null;
            }
        }

        _slots.Advance(batch);
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;

        // A thread that hangs inside MLX cannot be ended, and what it uses cannot be freed under it.
        if (_stage == Lost)
        {
            return;
        }

        _thread.Run(() =>
        {
            _slots.Dispose();
            _weights.Dispose();
            _operations.Dispose();
        });
        ShardThread.Return(_thread);
    }

    // The logits' memory is pinned only while this waits. So either the thread has not reached the gathering, and never will, or it
    // has, and then our own group's deadlines end it.
    private void Await(MlxGroup mlxGroup)
    {
        _stage = Computing;
        if (_thread.TryRun(_forward, mlxGroup.StepTimeout))
        {
            return;
        }

        if (Interlocked.CompareExchange(ref _stage, Lost, Computing) == Computing)
        {
            throw mlxGroup.Stalled(_group);
        }

        _thread.Wait();
    }

    // On the shard's thread.
    private void Forward()
    {
        ReadOnlySpan<SequenceStep> steps = _steps.AsSpan(0, _stepCount);
        try
        {
            int end = 0;
            int rows = 0;
            foreach (ref readonly SequenceStep step in steps)
            {
                _slots[step.Slot].Reserve(step.Position + step.Count);
                end += step.Count;
                for (int token = end - step.LogitRowCount; token < end; token++)
                {
                    _rows[rows++] = token;
                }
            }

            MlxArray x = _pass.RunLayers(_tokens.AsSpan(0, _tokenCount), steps, _slots);
            if (_rowCount > 0)
            {
                MlxArray part = _pass.RunHead(x, _rows.AsSpan(0, rows));
                Evaluate(steps, part);
                if (_mlxGroup is not null && Interlocked.CompareExchange(ref _stage, Gathering, Computing) != Computing)
                {
                    return;
                }

                _gather.Gather(_operations.Numbers(part), _rowCount, new Span<float>(_logits, _logitCount));
            }
            else
            {
                Start(steps, x);
            }
        }
        finally
        {
            _operations.Scope.Clear();
        }
    }

    // The caches are computed with the logits: a later step must not find this one's work still to do.
    private void Evaluate(ReadOnlySpan<SequenceStep> steps, MlxArray logits)
    {
        Collect(steps, logits);
        _operations.Eval(CollectionsMarshal.AsSpan(_pending));
    }

    // Nobody waits for anything but the caches: MLX computes them while the caller prepares the next step. With a group of MLX's own
    // the residual stream goes along, because every rank must take the same sums.
    private void Start(ReadOnlySpan<SequenceStep> steps, MlxArray residual)
    {
        Collect(steps, _mlxGroup is null ? MlxArray.None : residual);
        _operations.AsyncEval(CollectionsMarshal.AsSpan(_pending));
    }

    private void Collect(ReadOnlySpan<SequenceStep> steps, MlxArray other)
    {
        _pending.Clear();
        if (other != MlxArray.None)
        {
            _pending.Add(other);
        }

        foreach (ref readonly SequenceStep step in steps)
        {
            _slots[step.Slot].CopyArraysTo(_pending);
        }
    }

    private SequenceCache NewSequence() =>
        new(_operations, _type, _headSizes, Assignment.KeyValueHeads.Count, _options.ContextLength);

    private void CheckIsUsable()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_stage == Lost)
        {
            throw new BackendException($"Rank {Assignment.Rank}: MLX did not return from an earlier step; this shard cannot be used any more.");
        }
    }
}
