using System.Diagnostics;
using System.Runtime.InteropServices;
using Exo.Sdk.Cpu.Attention;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu;

/// <summary>One rank's part of a model on the CPU.</summary>
internal sealed unsafe class CpuShard<TLanes, TVector> : IModelShard
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly ModelSpec _spec;
    private readonly ShardOptions _options;
    private readonly ShardWeights _weights;
    private readonly ICollective _group;
    private readonly AttentionKernel _attention;
    private readonly ShardStep<TLanes, TVector> _step;
    private readonly SequenceCache?[] _slots;
    private readonly IndexRange[] _vocabularyParts;
    private bool _knowsParts;
    private bool _isDisposed;

    /// <summary>Makes the shard, which owns the weights once it is made.</summary>
    internal CpuShard(ModelSpec spec, ShardAssignment assignment, ShardWeights weights, ICollective group, ShardOptions options)
    {
        Assignment = assignment;
        _spec = spec;
        _weights = weights;
        _group = group;
        _options = options;
        _slots = new SequenceCache?[options.MaxSequences];
        _vocabularyParts = new IndexRange[group.Size];
        _vocabularyParts[assignment.Rank] = assignment.Tokens;
        _attention = AttentionFactory.Create<TLanes, TVector>(spec, assignment, options);
        _step = new ShardStep<TLanes, TVector>(spec, assignment, weights, group, options, _attention);
    }

    public ShardAssignment Assignment { get; }

    public ShardMemory Memory => new(_weights.ByteCount, _slots.Sum(slot => slot?.ByteCount ?? 0), _step.BufferBytes);

    public void Allocate(int slot)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        CheckRange(slot);
        if (_slots[slot] is not null)
        {
            throw new InvalidOperationException($"Slot {slot} is taken.");
        }

        _slots[slot] = new SequenceCache(_attention.Shape);
    }

    public void Fork(int source, int target)
    {
        SequenceCache from = OpenSlot(source);
        Allocate(target);
        _slots[target]!.CopyFrom(from);
    }

    public void Truncate(int slot, int length)
    {
        SequenceCache cache = OpenSlot(slot);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, cache.Length);
        cache.Length = length;
    }

    public void Free(int slot)
    {
        OpenSlot(slot).Dispose();
        _slots[slot] = null;
    }

    public void Forward(in StepBatch batch, Span<float> logits)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Check(batch, logits);
        long time = Stopwatch.GetTimestamp();
        _step.Begin();
        foreach (ref readonly SequenceStep step in batch.Sequences)
        {
            _step.Add(_slots[step.Slot]!, step.Position, step.Count, step.WantsLogits);
        }

        Embed(batch.Tokens);
        _options.Timeline?.Record(StepPhase.Embed, -1, time);
        _step.RunLayers();
        foreach (ref readonly SequenceStep step in batch.Sequences)
        {
            _slots[step.Slot]!.Length = step.Position + step.Count;
        }

        int rows = _step.RunHead();
        time = Stopwatch.GetTimestamp();
        for (int row = 0; row < rows; row++)
        {
            Gather(row, Assignment.Rank == 0 ? logits.Slice(row * _spec.VocabularySize, _spec.VocabularySize) : default);
        }

        _options.Timeline?.Record(StepPhase.Gather, -1, time);
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        foreach (SequenceCache? slot in _slots)
        {
            slot?.Dispose();
        }

        _step.Dispose();
        _weights.Dispose();
    }

    // Each rank looks up the tokens of its part of the vocabulary; the sum over ranks is the whole embedding.
    private void Embed(ReadOnlySpan<int> tokens)
    {
        IndexRange mine = Assignment.Tokens;
        for (int i = 0; i < tokens.Length; i++)
        {
            Span<float> hidden = new(_step.Residual + ((long)i * _step.Width), _spec.HiddenSize);
            int row = tokens[i] - mine.Start;
            if ((uint)row < (uint)mine.Count)
            {
                _weights.Embedding.ReadRow(row, hidden);
            }
            else
            {
                hidden.Clear();
            }
        }

        _step.AllReduce(_step.Residual, tokens.Length);
    }

    // Rank 0 joins the ranks' parts of one row of logits.
    private void Gather(int index, Span<float> row)
    {
        ReadOnlySpan<float> mine = _step.Logits(index);
        if (Assignment.Rank != 0)
        {
            if (!_knowsParts)
            {
                _knowsParts = true;
                _group.Send(MemoryMarshal.AsBytes(_vocabularyParts.AsSpan(Assignment.Rank, 1)), 0);
            }

            _group.Send(MemoryMarshal.AsBytes(mine), 0);
            return;
        }

        mine.CopyTo(row.Slice(Assignment.Tokens.Start, Assignment.Tokens.Count));
        for (int rank = 1; rank < _group.Size; rank++)
        {
            ref IndexRange part = ref _vocabularyParts[rank];
            if (!_knowsParts)
            {
                _group.Receive(MemoryMarshal.AsBytes(new Span<IndexRange>(ref part)), rank);
            }

            _group.Receive(MemoryMarshal.AsBytes(row.Slice(part.Start, part.Count)), rank);
        }

        _knowsParts = true;
    }

    private void Check(in StepBatch batch, Span<float> logits)
    {
        if (batch.Tokens.Length > _options.MaxBatchTokens)
        {
            throw new ArgumentException($"The step has {batch.Tokens.Length} tokens; the shard was loaded for {_options.MaxBatchTokens}.", nameof(batch));
        }

        foreach (int token in batch.Tokens)
        {
            if ((uint)token >= (uint)_spec.VocabularySize)
            {
                throw new ArgumentException($"Token {token} is outside the vocabulary of {_spec.VocabularySize}.", nameof(batch));
            }
        }

        long count = 0;
        for (int i = 0; i < batch.Sequences.Length; i++)
        {
            ref readonly SequenceStep step = ref batch.Sequences[i];
            foreach (ref readonly SequenceStep other in batch.Sequences[..i])
            {
                if (other.Slot == step.Slot)
                {
                    throw new ArgumentException($"Slot {step.Slot} occurs twice in a step.", nameof(batch));
                }
            }

            SequenceCache cache = OpenSlot(step.Slot);
            if (step.Count < 1 || step.Position != cache.Length || (long)step.Position + step.Count > _options.ContextLength)
            {
                throw new ArgumentException(
                    $"{step.Count} tokens at position {step.Position} do not continue slot {step.Slot}, which holds {cache.Length} of at most {_options.ContextLength}.",
                    nameof(batch));
            }

            count += step.Count;
        }

        if (count != batch.Tokens.Length)
        {
            throw new ArgumentException($"The sequences count {count} tokens; the step has {batch.Tokens.Length}.", nameof(batch));
        }

        long expected = (long)batch.LogitRowCount * _spec.VocabularySize;
        if (Assignment.Rank == 0 && logits.Length < expected)
        {
            throw new ArgumentException($"The logits need {expected} values; there is room for {logits.Length}.", nameof(logits));
        }
    }

    private SequenceCache OpenSlot(int slot)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        CheckRange(slot);
        return _slots[slot] ?? throw new InvalidOperationException($"Slot {slot} is not open.");
    }

    private void CheckRange(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(slot, _slots.Length);
    }
}
