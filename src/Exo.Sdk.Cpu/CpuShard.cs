using System.Diagnostics;
using Exo.Sdk.Backends;
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
    private readonly ShardStep<TLanes, TVector> _step;
    private readonly SequenceSlots<SequenceCache> _slots;
    private readonly VocabularyGather _gather;
    private bool _isDisposed;

    /// <summary>Makes the shard, which owns the weights once it is made.</summary>
    internal CpuShard(ModelSpec spec, ShardAssignment assignment, ShardWeights weights, ICollective group, ShardOptions options)
    {
        Assignment = assignment;
        _spec = spec;
        _weights = weights;
        _group = group;
        _options = options;
        _slots = new SequenceSlots<SequenceCache>(options.MaxSequences);
        _gather = new VocabularyGather(group, assignment.Tokens, spec.VocabularySize, options.MaxSequences);
        _step = new ShardStep<TLanes, TVector>(spec, assignment, weights, group, options);
    }

    public ShardAssignment Assignment { get; }

    public ShardMemory Memory => new(_weights.ByteCount, _slots.ByteCount, _step.BufferBytes);

    public void Allocate(int slot) => _slots.Open(slot, () => new SequenceCache(_step.Caches));

    public void Fork(int source, int target)
    {
        SequenceCache from = _slots[source];
        _slots.Open(target, () => new SequenceCache(_step.Caches)).CopyFrom(from);
    }

    public void Truncate(int slot, int length) => _slots.Truncate(slot, length);

    public void Free(int slot) => _slots.Close(slot).Dispose();

    public void Forward(in StepBatch batch, Span<float> logits)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ShardRules.CheckStep(batch, logits, _spec, _options, Assignment.Rank, _slots);
        long time = Stopwatch.GetTimestamp();
        _step.Begin();
        foreach (ref readonly SequenceStep step in batch.Sequences)
        {
            _step.Add(_slots[step.Slot], step);
        }

        Embed(batch.Tokens);
        _options.Timeline?.Record(StepPhase.Embed, -1, time);
        _step.RunLayers();
        _slots.Advance(batch);
        while (_step.RunHead(out int first) is > 0 and int rows)
        {
            time = Stopwatch.GetTimestamp();
            _gather.Gather(_step.Logits(rows), rows, Assignment.Rank == 0 ? logits.Slice(first * _spec.VocabularySize, rows * _spec.VocabularySize) : default);
            _options.Timeline?.Record(StepPhase.Gather, -1, time);
        }
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _slots.Dispose();
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
}
