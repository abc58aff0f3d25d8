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
internal sealed unsafe class AttentionBlock<TLanes, TVector> : LayerBlock<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly AttentionWeights _weights;
    private readonly AttentionKernel _kernel;
    private readonly Rope<TLanes, TVector>? _rope;
    private readonly NativeBlock _projected;
    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private readonly int _group;
    private readonly int _headSize;
    private readonly int _window;
    private readonly float _scale;
    private readonly int _cache;
    private bool _appendsInAttention;

    internal AttentionBlock(AttentionWeights weights, StepContext<TLanes, TVector> context, bool isFirst)
        : base(
            context,
            weights.Norm,
            isFirst,
            new LinearGroup(weights.Query, weights.Key, weights.Value),
            new LinearGroup(weights.Output),
            ("attended", Units.Pad(weights.Output.InputCount), weights.Output.InputCount),
            StepPhase.AttentionOutput)
    {
        GroupedQueryAttention spec = weights.Spec;
        _weights = weights;
        _queryHeads = context.Assignment.QueryHeads.Count;
        _keyValueHeads = context.Assignment.KeyValueHeads.Count;
        _group = _queryHeads / _keyValueHeads;
        _headSize = spec.HeadSize;
        _window = spec.SlidingWindow ?? int.MaxValue;
        _scale = spec.Scale;
        _rope = spec.Rope is null ? null : context.RopeOf(spec.Rope, _headSize);
        _projected = context.Buffer("projected", Input.OutputWidth, Input.OutputWidth);

        // All tokens of a step are appended before the first of them looks back.
        int positions = (int)Math.Min(context.Options.ContextLength, (long)_window + context.Options.MaxBatchTokens - 1);
        _kernel = AttentionFactory.Create<TLanes, TVector>(_keyValueHeads, _headSize, positions, context.Options.KeyValues);
        context.ReserveScratch(_kernel.ScratchBytes);
        _cache = context.AddCache(new LayerCache(_kernel.Shape, _window));
    }

    private enum Stage
    {
        QueryKeyValue = FirstOwnStage,
        Append,
        Attend,
    }

    protected override void RunOwn(ref long time)
    {
        // Different workers attend to a head whose queries fill several blocks: it must be appended before.
        _appendsInAttention = Context.IsDecode && _queryHeads <= _keyValueHeads * AttentionKernel.RowsAtOnce;
        Context.Together(this, (int)Stage.QueryKeyValue);
        Context.Note(StepPhase.QueryKeyValue, ref time);
        if (!_appendsInAttention)
        {
            Context.Together(this, (int)Stage.Append);
        }

        Context.Together(this, (int)Stage.Attend);
        Context.Note(StepPhase.Attention, ref time);
    }

    protected override void RunOwn(int stage, int worker, int workers)
    {
        switch ((Stage)stage)
        {
            case Stage.QueryKeyValue:
                Context.Multiply(Input, Context.Normed, Context.Width, _projected, worker, workers);
                break;
            case Stage.Append:
                Append(worker, workers);
                break;
            case Stage.Attend:
                Attend(worker, workers);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(stage));
        }
    }

    private static int Blocks(int rows) => (rows + AttentionKernel.RowsAtOnce - 1) / AttentionKernel.RowsAtOnce;

    // Keys and values of the step go into the cache before anyone attends to them.
    private void Append(int worker, int workers)
    {
        ReadOnlySpan<StepSequence> sequences = Context.Sequences;
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
            float* projected = _projected.Floats + ((long)token * Input.OutputWidth);
            float* key = projected + Input.OffsetOf(1) + (head * _headSize);
            Rotate(key, _weights.KeyNorm, token);
            _kernel.Append(cache, sequence.Position + i, key, projected + Input.OffsetOf(2) + (head * _headSize));
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
        ReadOnlySpan<StepSequence> sequences = Context.Sequences;
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
            _projected.Floats + ((long)sequence.First * Input.OutputWidth) + queries,
            Input.OutputWidth,
            Result.Floats + ((long)sequence.First * ResultStride) + queries,
            ResultStride,
            _group,
            first,
            Math.Min(AttentionKernel.RowsAtOnce, (sequence.Count * _group) - first),
            sequence.Position,
            _window,
            _scale);
        _kernel.Attend(sequence.Cache.Head(_cache, head), rows, Context.Scratch(worker));
    }
}
