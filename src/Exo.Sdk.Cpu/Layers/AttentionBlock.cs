using Exo.Sdk.Cpu.Attention;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>Grouped-query attention: queries, keys and values, their norms and rope, the cache, softmax, and the projection back.</summary>
internal sealed unsafe class AttentionBlock<TLanes, TVector> : LayerBlock, ITeamWork
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly StepContext<TLanes, TVector> _context;
    private readonly AttentionWeights _weights;
    private readonly AttentionKernel _kernel;
    private readonly Rope<TLanes, TVector>? _rope;
    private readonly LinearGroup _queryKeyValue;
    private readonly LinearGroup _output;
    private readonly NativeBlock _projected;
    private readonly NativeBlock _attended;
    private readonly bool _isFirst;
    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private readonly int _group;
    private readonly int _headSize;
    private readonly int _window;
    private readonly float _scale;
    private readonly int _attendedWidth;
    private readonly int _cache;
    private bool _appendsInAttention;

    internal AttentionBlock(AttentionWeights weights, StepContext<TLanes, TVector> context, bool isFirst)
    {
        GroupedQueryAttention spec = weights.Spec;
        _context = context;
        _weights = weights;
        _isFirst = isFirst;
        _queryHeads = context.Assignment.QueryHeads.Count;
        _keyValueHeads = context.Assignment.KeyValueHeads.Count;
        _group = _queryHeads / _keyValueHeads;
        _headSize = spec.HeadSize;
        _window = spec.SlidingWindow ?? int.MaxValue;
        _scale = spec.Scale;
        _rope = spec.Rope is null ? null : context.RopeOf(spec.Rope, _headSize);
        _queryKeyValue = new LinearGroup(weights.Query, weights.Key, weights.Value);
        _output = new LinearGroup(weights.Output);
        _attendedWidth = Units.Pad(_queryHeads * _headSize);
        _projected = context.Buffer("projected", _queryKeyValue.OutputWidth, _queryKeyValue.OutputWidth);
        _attended = context.Buffer("attended", _attendedWidth, _queryHeads * _headSize);

        // All tokens of a step are appended before the first of them looks back.
        int positions = (int)Math.Min(context.Options.ContextLength, (long)_window + context.Options.MaxBatchTokens - 1);
        _kernel = AttentionFactory.Create<TLanes, TVector>(_keyValueHeads, _headSize, positions, context.Options.KeyValues);
        context.Reserve(_queryKeyValue, _output);
        context.ReserveScratch(_kernel.ScratchBytes);
        _cache = context.AddCache(new LayerCache(_kernel.Shape, _window));
    }

    private enum Stage
    {
        Norm,
        QueryKeyValue,
        Append,
        Attend,
        Arrange,
        Output,
    }

    internal override void Run(ref long time)
    {
        // Different workers attend to a head whose queries fill several blocks: it must be appended before.
        _appendsInAttention = _context.IsDecode && _queryHeads <= _keyValueHeads * AttentionKernel.RowsAtOnce;
        _context.Each(this, (int)Stage.Norm, _context.Tokens);
        _context.Note(StepPhase.Norm, ref time);
        _context.Together(this, (int)Stage.QueryKeyValue);
        _context.Note(StepPhase.QueryKeyValue, ref time);
        if (!_appendsInAttention)
        {
            _context.Together(this, (int)Stage.Append);
        }

        _context.Together(this, (int)Stage.Attend);
        _context.Note(StepPhase.Attention, ref time);
        if (_output.WantsArranged(_context.Tokens))
        {
            _context.Each(this, (int)Stage.Arrange, _context.Tokens);
            _context.Note(StepPhase.Norm, ref time);
        }

        _context.Together(this, (int)Stage.Output);
        _context.Note(StepPhase.AttentionOutput, ref time);
        _context.SumPartials(ref time);
    }

    public void Run(int stage, int worker, int workers)
    {
        switch ((Stage)stage)
        {
            case Stage.Norm:
                _context.Norm(worker, workers, _weights.Norm, _isFirst, _queryKeyValue);
                break;
            case Stage.QueryKeyValue:
                _context.Multiply(_queryKeyValue, _context.Normed, _context.Width, _projected, worker, workers);
                break;
            case Stage.Append:
                Append(worker, workers);
                break;
            case Stage.Attend:
                Attend(worker, workers);
                break;
            case Stage.Arrange:
                _context.Arrange(_output, _attended, _attendedWidth, worker, workers);
                break;
            case Stage.Output:
                _context.Multiply(_output, _attended, _attendedWidth, _context.Partial, worker, workers);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(stage));
        }
    }

    private static int Blocks(int rows) => (rows + AttentionKernel.RowsAtOnce - 1) / AttentionKernel.RowsAtOnce;

    // Keys and values of the step go into the cache before anyone attends to them.
    private void Append(int worker, int workers)
    {
        ReadOnlySpan<StepSequence> sequences = _context.Sequences;
        (int first, int end) = Share.Of(sequences.Length * _keyValueHeads, worker, workers);
        for (int item = first; item < end; item++)
        {
            AppendHead(sequences[item / _keyValueHeads], item % _keyValueHeads);
        }
    }

    private void AppendHead(in StepSequence sequence, int head)
    {
        byte* cache = sequence.Cache.Head(_cache, head);
        for (int i = 0; i < sequence.Count; i++)
        {
            int token = sequence.First + i;
            float* projected = _projected.Floats + ((long)token * _queryKeyValue.OutputWidth);
            float* key = projected + _queryKeyValue.OffsetOf(1) + (head * _headSize);
            Rotate(key, _weights.KeyNorm, token);
            _kernel.Append(cache, sequence.Position + i, key, projected + _queryKeyValue.OffsetOf(2) + (head * _headSize));
            for (int query = head * _group; query < (head + 1) * _group; query++)
            {
                Rotate(projected + (query * _headSize), _weights.QueryNorm, token);
            }
        }
    }

    private void Rotate(float* head, NormWeights? norm, int token)
    {
        if (norm is not null)
        {
            RootMeanSquareNorm<TLanes, TVector>.Apply(head, norm.Weight, norm.Epsilon, head);
        }

        _rope?.Apply(head, token);
    }

    // In decoding, a head's one token is appended by whoever attends to the head, where that is one worker.
    private void Attend(int worker, int workers)
    {
        ReadOnlySpan<StepSequence> sequences = _context.Sequences;
        int total = 0;
        foreach (ref readonly StepSequence sequence in sequences)
        {
            total += _keyValueHeads * Blocks(sequence.Count * _group);
        }

        (int first, int end) = Share.Of(total, worker, workers);
        for (int i = 0; i < sequences.Length && end > 0; i++)
        {
            int blocks = Blocks(sequences[i].Count * _group);
            int items = _keyValueHeads * blocks;
            for (int item = Math.Max(first, 0); item < Math.Min(end, items); item++)
            {
                if (_appendsInAttention && item % blocks == 0)
                {
                    AppendHead(sequences[i], item / blocks);
                }

                AttendBlock(sequences[i], item / blocks, item % blocks, worker);
            }

            first -= items;
            end -= items;
        }
    }

    private void AttendBlock(in StepSequence sequence, int head, int block, int worker)
    {
        int first = block * AttentionKernel.RowsAtOnce;
        int queries = head * _group * _headSize;
        QueryRows rows = new(
            _projected.Floats + ((long)sequence.First * _queryKeyValue.OutputWidth) + queries,
            _queryKeyValue.OutputWidth,
            _attended.Floats + ((long)sequence.First * _attendedWidth) + queries,
            _attendedWidth,
            _group,
            first,
            Math.Min(AttentionKernel.RowsAtOnce, (sequence.Count * _group) - first),
            sequence.Position,
            _window,
            _scale);
        _kernel.Attend(sequence.Cache.Head(_cache, head), rows, _context.Scratch(worker));
    }
}
