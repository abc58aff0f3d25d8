using Exo.Sdk.Backends;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Graph;
using Exo.Sdk.OnnxRuntime.Weights;
using Exo.Sdk.Planning;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>One rank's part of a model, run by ONNX Runtime.</summary>
internal sealed class OnnxRuntimeShard : IModelShard
{
    private readonly ModelSpec _spec;
    private readonly ShardOptions _options;
    private readonly ShardWeights _weights;
    private readonly ICollective _group;
    private readonly GraphRunner _runner;
    private readonly SequenceSlots<SequenceBinding> _slots;
    private readonly long[][] _cacheShapes;
    private readonly NativeFloats _embedded;
    private readonly NativeFloats _logits;
    private readonly VocabularyGather _gather;
    private readonly long _packedBytes;
    private bool _isDisposed;

    /// <summary>Makes the shard, which owns the weights once it is made.</summary>
    internal OnnxRuntimeShard(ModelSpec spec, ShardAssignment assignment, ShardWeights weights, ICollective group, ShardOptions options)
    {
        Assignment = assignment;
        _spec = spec;
        _weights = weights;
        _group = group;
        _options = options;
        _gather = new VocabularyGather(group, assignment.Tokens, spec.VocabularySize, options.MaxSequences);
        _slots = new SequenceSlots<SequenceBinding>(options.MaxSequences);
        _cacheShapes = [.. weights.Parts.OfType<AttentionWeights>().Select(attention =>
            (long[])[1, assignment.KeyValueHeads.Count, options.ContextLength, HeadPadding.PaddedSize(attention.Spec.HeadSize)])];
        _embedded = new NativeFloats((long)options.MaxBatchTokens * spec.HiddenSize);
        _logits = new NativeFloats((long)options.MaxSequences * assignment.Tokens.Count);
        try
        {
            MatMulNodes matMuls = new(options.Activations);
            ShardGraphs graphs = new(spec, assignment, weights, options.ContextLength, matMuls);
            byte[] layers = graphs.BuildLayers();
            byte[] head = graphs.BuildHead();
            _runner = new GraphRunner(group, spec.HiddenSize, assignment.Tokens.Count, options, matMuls.Tensors, layers, head);
            _packedBytes = matMuls.Tensors.Sum(tensor => tensor.ByteCount);
        }
        catch
        {
            _embedded.Dispose();
            _logits.Dispose();
            throw;
        }
    }

    public ShardAssignment Assignment { get; }

    // Weights count twice where they are multiplied: ONNX Runtime packs a copy for its kernels, about as large.
    public ShardMemory Memory => new(
        _weights.ByteCount + _packedBytes,
        _slots.ByteCount,
        _runner.BufferBytes + _embedded.ByteCount + _logits.ByteCount);

    public void Allocate(int slot) => _slots.Open(slot, NewSequence);

    public void Fork(int source, int target)
    {
        SequenceBinding from = _slots[source];
        _slots.Open(target, NewSequence).Cache.CopyFrom(from.Cache);
    }

    public void Truncate(int slot, int length) => _slots.Truncate(slot, length);

    public void Free(int slot) => _slots.Close(slot).Dispose();

    public void Forward(in StepBatch batch, Span<float> logits)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ShardRules.CheckStep(batch, logits, _spec, _options, Assignment.Rank, _slots);
        Embed(batch.Tokens);
        int hiddenSize = _spec.HiddenSize;
        int first = 0;
        int gathered = 0;
        int waiting = 0;
        foreach (ref readonly SequenceStep step in batch.Sequences)
        {
            SequenceBinding sequence = _slots[step.Slot];
            _embedded.Span.Slice(first * hiddenSize, step.Count * hiddenSize).CopyTo(_runner.Hidden);
            _runner.RunLayers(sequence, step.Position, step.Count);
            sequence.Length = step.Position + step.Count;
            first += step.Count;
            for (int token = step.Count - step.LogitRowCount; token < step.Count; token++)
            {
                _runner.RunHead(_runner.Result.Slice(token * hiddenSize, hiddenSize));
                _runner.Logits.CopyTo(_logits.Span[(waiting * Assignment.Tokens.Count)..]);
                if (++waiting == _options.MaxSequences)
                {
                    Gather(logits, ref gathered, ref waiting);
                }
            }
        }

        Gather(logits, ref gathered, ref waiting);
    }

    /// <summary>Joins the rows that wait, in one message of each rank: as many at a time as the backends on the processor do.</summary>
    private void Gather(Span<float> logits, ref int gathered, ref int waiting)
    {
        if (waiting > 0)
        {
            Span<float> rows = Assignment.Rank == 0 ? logits.Slice(gathered * _spec.VocabularySize, waiting * _spec.VocabularySize) : default;
            _gather.Gather(_logits.Span[..(waiting * Assignment.Tokens.Count)], waiting, rows);
            gathered += waiting;
            waiting = 0;
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
        _runner.Dispose();
        _embedded.Dispose();
        _logits.Dispose();
        _weights.Dispose();
    }

    // Each rank looks up the tokens of its part of the vocabulary; the sum over ranks is the whole embedding.
    private void Embed(ReadOnlySpan<int> tokens)
    {
        int hiddenSize = _spec.HiddenSize;
        IndexRange mine = Assignment.Tokens;
        for (int i = 0; i < tokens.Length; i++)
        {
            Span<float> hidden = _embedded.Span.Slice(i * hiddenSize, hiddenSize);
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

        if (_group.Size > 1)
        {
            _group.AllReduceSum(_embedded.Span[..(tokens.Length * hiddenSize)]);
        }
    }

    private SequenceBinding NewSequence() => _runner.Bind(new SequenceCache(_cacheShapes), _cacheShapes);
}
