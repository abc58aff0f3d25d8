using System.Diagnostics;
using Exo.Sdk.Cpu.Attention;
using Exo.Sdk.Cpu.Layers;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu;

/// <summary>One step through all layers and the head: prefill and decode, any number of sequences.</summary>
internal sealed unsafe class ShardStep<TLanes, TVector> : ITeamWork, IDisposable
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly StepContext<TLanes, TVector> _context;
    private readonly LayerBlock<TLanes, TVector>[] _blocks;
    private readonly NormWeights _finalNorm;
    private readonly LinearGroup _head;
    private readonly int _headCount;
    private readonly NativeBlock _logits;
    private readonly int[] _rows;
    private readonly int _rowsAtOnce;
    private int _rowCount;
    private int _firstRow;
    private int _headRows;

    internal ShardStep(ModelSpec spec, ShardAssignment assignment, ShardWeights weights, ICollective group, ShardOptions options)
    {
        _context = new StepContext<TLanes, TVector>(spec, assignment, group, options);
        _blocks = [.. weights.Parts.Select((part, index) => LayerBlock<TLanes, TVector>.Create(index, part, _context))];
        _finalNorm = weights.FinalNorm;
        _head = new LinearGroup(weights.Head);
        _headCount = weights.Head.OutputCount;
        _context.Reserve(_head);
        _context.Complete();
        _logits = NativeBlock.OfFloats((long)options.MaxSequences * _head.OutputWidth);
        _rows = new int[options.MaxBatchTokens];
        _rowsAtOnce = options.MaxSequences;
    }

    private enum Stage
    {
        FinalNorm,
        Head,
    }

    /// <summary>What each layer keeps of a sequence.</summary>
    internal IReadOnlyList<LayerCache> Caches => _context.Caches;

    /// <summary>The residual stream <c>[tokens, Width]</c>: what the layers start from, and what they give.</summary>
    internal float* Residual => _context.Residual.Floats;

    /// <summary>From one token's residual stream to the next one's.</summary>
    internal int Width => _context.Width;

    internal long BufferBytes => _context.BufferBytes + _logits.ByteCount;

    /// <summary>Begins a step.</summary>
    internal void Begin()
    {
        _context.Begin();
        _rowCount = 0;
        _firstRow = 0;
        _headRows = 0;
    }

    /// <summary>Adds tokens of a sequence to the step.</summary>
    internal void Add(SequenceCache cache, in SequenceStep step)
    {
        _context.Add(cache, step.Position, step.Count);
        for (int token = _context.Tokens - step.LogitRowCount; token < _context.Tokens; token++)
        {
            _rows[_rowCount++] = token;
        }
    }

    /// <summary>Runs all layers over <see cref="Residual"/>.</summary>
    internal void RunLayers()
    {
        long time = Stopwatch.GetTimestamp();
        for (int i = 0; i < _blocks.Length; i++)
        {
            _context.Layer = i / 2;
            _blocks[i].Run(ref time);
        }

        _context.Layer = -1;
    }

    /// <summary>
    /// Computes the rank's part of the logits of the next tokens that want them: as many as one step of <see cref="ShardOptions.MaxSequences"/>
    /// sequences needs, so that a prompt all of whose logits are asked for needs no more memory.
    /// </summary>
    /// <param name="first">Which row is the first of them.</param>
    /// <returns>How many rows; 0 when all are done.</returns>
    internal int RunHead(out int first)
    {
        first = _firstRow + _headRows;
        _firstRow = first;
        _headRows = Math.Min(_rowsAtOnce, _rowCount - first);
        if (_headRows > 0)
        {
            long time = Stopwatch.GetTimestamp();
            _context.Each(this, (int)Stage.FinalNorm, _headRows);
            _context.Note(StepPhase.Norm, ref time);
            _context.Together(this, (int)Stage.Head);
            _context.Note(StepPhase.Head, ref time);
        }

        return _headRows;
    }

    /// <summary>The rank's part of the logits that <see cref="RunHead"/> computed, row after row.</summary>
    internal ReadOnlySpan<float> Logits(int rows)
    {
        Span<float> all = new(_logits.Floats, ((rows - 1) * _head.OutputWidth) + _headCount);
        for (int row = 1; row < rows && _headCount < _head.OutputWidth; row++)
        {
            all.Slice(row * _head.OutputWidth, _headCount).CopyTo(all[(row * _headCount)..]);
        }

        return all[..(rows * _headCount)];
    }

    /// <summary>Sums rows of <see cref="Width"/> over all ranks.</summary>
    internal void AllReduce(float* rows, int count) => _context.AllReduce(rows, count);

    public void Run(int stage, int worker, int workers)
    {
        switch ((Stage)stage)
        {
            case Stage.FinalNorm:
                FinalNorm(worker, workers);
                break;
            case Stage.Head:
                _head.Multiply(
                    _context.Input(_head, _context.Normed, _context.Width, _headRows),
                    StepContext<TLanes, TVector>.Output(_head, _logits),
                    worker,
                    workers,
                    _context.Scratch(worker));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(stage));
        }
    }

    public void Dispose()
    {
        _context.Dispose();
        _logits.Dispose();
    }

    private void FinalNorm(int worker, int workers)
    {
        (int first, int end) = Share.Of(_headRows, worker, workers);
        for (int row = first; row < end; row++)
        {
            long token = _rows[_firstRow + row];
            float* residual = _context.Residual.Floats + (token * _context.Width);
            float* normed = _context.Normed.Floats + ((long)row * _context.Width);
            ElementWise<TLanes, TVector>.Add(residual, _context.Partial.Floats + (token * _context.Width), _context.HiddenSize);
            RootMeanSquareNorm<TLanes, TVector>.Apply(residual, _finalNorm.Weight, _finalNorm.Epsilon, normed);
            if (_head.WantsArranged(_headRows))
            {
                _context.ArrangeRow(_head, normed, row, _headRows);
            }
        }
    }
}
