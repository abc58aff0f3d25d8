using System.Diagnostics;
using Exo.Sdk.Cpu.Attention;
using Exo.Sdk.Cpu.Layers;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu;

/// <summary>Tokens of one sequence in the step under way.</summary>
/// <param name="Cache">The sequence's keys and values.</param>
/// <param name="First">The first token's place in the step.</param>
/// <param name="Position">The first token's position.</param>
/// <param name="Count">Tokens.</param>
internal readonly record struct StepSequence(SequenceCache Cache, int First, int Position, int Count);

/// <summary>
/// One step through all layers: prefill and decode, any number of sequences. Buffers hold <c>[tokens, width]</c> with widths filled up to
/// whole units; the padding of inputs stays zero. The calling thread leads a team through the stages and takes the all-reduces itself.
/// </summary>
internal sealed unsafe class ShardStep<TLanes, TVector> : ITeamWork, IDisposable
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly ModelSpec _spec;
    private readonly ShardWeights _weights;
    private readonly ICollective _group;
    private readonly StepTimeline? _timeline;
    private readonly ThreadTeam _team;
    private readonly AttentionKernel _attention;
    private readonly Rope<TLanes, TVector> _rope;
    private readonly LinearGroup[] _queryKeyValue;
    private readonly LinearGroup[] _output;
    private readonly LinearGroup[] _gateUp;
    private readonly LinearGroup[] _down;
    private readonly LinearGroup _head;
    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private readonly int _width;
    private readonly int _attendedWidth;
    private readonly int _channelWidth;
    private readonly NativeBlock _residual;
    private readonly NativeBlock _normed;
    private readonly NativeBlock _projected;
    private readonly NativeBlock _attended;
    private readonly NativeBlock _gated;
    private readonly NativeBlock _partial;
    private readonly NativeBlock _arranged;
    private readonly NativeBlock _logits;
    private readonly NativeBlock _scratch;
    private readonly long _scratchBytes;
    private readonly StepSequence[] _sequences;
    private readonly int[] _rows;
    private readonly int _rowsAtOnce;
    private int _sequenceCount;
    private int _rowCount;
    private int _firstRow;
    private int _headRows;
    private int _tokens;
    private int _layer;
    private bool _appendsInAttention;

    internal ShardStep(
        ModelSpec spec, ShardAssignment assignment, ShardWeights weights, ICollective group, ShardOptions options, AttentionKernel attention)
    {
        _spec = spec;
        _weights = weights;
        _group = group;
        _timeline = options.Timeline;
        _attention = attention;
        _queryHeads = assignment.QueryHeads.Count;
        _keyValueHeads = assignment.KeyValueHeads.Count;
        _queryKeyValue = [.. weights.Layers.Select(layer => new LinearGroup(layer.Query, layer.Key, layer.Value))];
        _output = [.. weights.Layers.Select(layer => new LinearGroup(layer.Output))];
        _gateUp = [.. weights.Layers.Select(layer => new LinearGroup(layer.Gate, layer.Up))];
        _down = [.. weights.Layers.Select(layer => new LinearGroup(layer.Down))];
        _head = new LinearGroup(weights.Head);
        _width = Units.Pad(spec.HiddenSize);
        _attendedWidth = Units.Pad(_queryHeads * spec.Attention.HeadSize);
        _channelWidth = Units.Pad(assignment.Channels.Count);
        long tokens = options.MaxBatchTokens;
        _rope = new Rope<TLanes, TVector>(spec.Rope, spec.Attention.HeadSize, options.MaxBatchTokens);
        _residual = NativeBlock.OfFloats(tokens * _width);
        _normed = NativeBlock.OfFloats(Math.Max(tokens, options.MaxSequences) * _width);
        _partial = NativeBlock.OfFloats(tokens * _width);
        _projected = NativeBlock.OfFloats(tokens * _queryKeyValue[0].OutputWidth);
        _attended = NativeBlock.OfFloats(tokens * _attendedWidth);
        _gated = NativeBlock.OfFloats(tokens * 2 * _channelWidth);
        _logits = NativeBlock.OfFloats((long)options.MaxSequences * _head.OutputWidth);
        LinearGroup[] all = [.. _queryKeyValue, .. _output, .. _gateUp, .. _down, _head];
        _arranged = new NativeBlock(Math.Max(tokens, options.MaxSequences) * all.Max(linears => linears.ArrangedBytes));
        _scratchBytes = (Math.Max(Tile.ByteCount, attention.ScratchBytes) + 4095) / 4096 * 4096;
        _scratch = new NativeBlock(_scratchBytes * options.ThreadCount, hugePages: false);
        _sequences = new StepSequence[options.MaxSequences];
        _rows = new int[options.MaxBatchTokens];
        _rowsAtOnce = options.MaxSequences;
        _team = new ThreadTeam(options.ThreadCount, options.Processors?.ToArray());
    }

    private enum Stage
    {
        AttentionNorm,
        QueryKeyValue,
        Append,
        Attend,
        ArrangeAttended,
        Output,
        FeedForwardNorm,
        GateUp,
        ArrangeGated,
        Down,
        FinalNorm,
        Head,
    }

    /// <summary>The residual stream <c>[tokens, Width]</c>: what the layers start from, and what they give.</summary>
    internal float* Residual => _residual.Floats;

    /// <summary>From one token's residual stream to the next one's.</summary>
    internal int Width => _width;

    internal long BufferBytes =>
        _residual.ByteCount + _normed.ByteCount + _partial.ByteCount + _projected.ByteCount + _attended.ByteCount + _gated.ByteCount
        + _arranged.ByteCount + _logits.ByteCount + _scratch.ByteCount + _rope.ByteCount;

    /// <summary>Begins a step.</summary>
    internal void Begin()
    {
        _sequenceCount = 0;
        _rowCount = 0;
        _firstRow = 0;
        _headRows = 0;
        _tokens = 0;

        // Different workers attend to a head whose queries fill several blocks: it must be appended before.
        _appendsInAttention = _queryHeads <= _keyValueHeads * AttentionKernel.RowsAtOnce;
    }

    /// <summary>Adds tokens of a sequence to the step.</summary>
    internal void Add(SequenceCache cache, int position, int count, StepLogits logits)
    {
        _sequences[_sequenceCount++] = new StepSequence(cache, _tokens, position, count);
        _rope.Prepare(_tokens, position, count);
        _tokens += count;
        _appendsInAttention &= count == 1;
        int rows = logits switch
        {
            StepLogits.Last => 1,
            StepLogits.All => count,
            _ => 0,
        };
        for (int token = _tokens - rows; token < _tokens; token++)
        {
            _rows[_rowCount++] = token;
        }
    }

    /// <summary>Runs all layers over <see cref="Residual"/>.</summary>
    internal void RunLayers()
    {
        long time = Stopwatch.GetTimestamp();
        for (_layer = 0; _layer < _weights.Layers.Length; _layer++)
        {
            Each(Stage.AttentionNorm, _tokens);
            Note(StepPhase.Norm, ref time);
            Together(Stage.QueryKeyValue);
            Note(StepPhase.QueryKeyValue, ref time);
            if (!_appendsInAttention)
            {
                Together(Stage.Append);
            }

            Together(Stage.Attend);
            Note(StepPhase.Attention, ref time);
            if (_output[_layer].WantsArranged(_tokens))
            {
                Each(Stage.ArrangeAttended, _tokens);
                Note(StepPhase.Norm, ref time);
            }

            Together(Stage.Output);
            Note(StepPhase.AttentionOutput, ref time);
            SumPartials(ref time);
            Each(Stage.FeedForwardNorm, _tokens);
            Note(StepPhase.Norm, ref time);
            Together(Stage.GateUp);
            Note(StepPhase.GateUp, ref time);
            if (_down[_layer].WantsArranged(_tokens))
            {
                Each(Stage.ArrangeGated, _tokens);
                Note(StepPhase.Norm, ref time);
            }

            Together(Stage.Down);
            Note(StepPhase.Down, ref time);
            SumPartials(ref time);
        }
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
            Each(Stage.FinalNorm, _headRows);
            Note(StepPhase.Norm, ref time);
            Together(Stage.Head);
            Note(StepPhase.Head, ref time);
        }

        return _headRows;
    }

    /// <summary>The rank's part of the logits that <see cref="RunHead"/> computed, row after row.</summary>
    internal ReadOnlySpan<float> Logits(int rows)
    {
        int count = _weights.Head.OutputCount;
        Span<float> all = new(_logits.Floats, ((rows - 1) * _head.OutputWidth) + count);
        for (int row = 1; row < rows && count < _head.OutputWidth; row++)
        {
            all.Slice(row * _head.OutputWidth, count).CopyTo(all[(row * count)..]);
        }

        return all[..(rows * count)];
    }

    /// <summary>Sums rows of <see cref="Width"/> over all ranks.</summary>
    internal void AllReduce(float* rows, int count)
    {
        if (_group.Size == 1)
        {
            return;
        }

        // Padding does not travel, for another rank may have none: the rows are moved together, summed at once, and moved back.
        int hidden = _spec.HiddenSize;
        Span<float> all = new(rows, count * _width);
        for (int row = 1; row < count && hidden < _width; row++)
        {
            all.Slice(row * _width, hidden).CopyTo(all[(row * hidden)..]);
        }

        _group.AllReduceSum(all[..(count * hidden)]);
        for (int row = count - 1; row >= 0 && hidden < _width; row--)
        {
            all.Slice(row * hidden, hidden).CopyTo(all[(row * _width)..]);
            all.Slice((row * _width) + hidden, _width - hidden).Clear();
        }
    }

    public void Run(int stage, int worker, int workers)
    {
        LayerWeights? layer = _layer < _weights.Layers.Length ? _weights.Layers[_layer] : null;
        switch ((Stage)stage)
        {
            case Stage.AttentionNorm:
                Norm(worker, workers, layer!.AttentionNorm, isFirst: _layer == 0, _queryKeyValue[_layer]);
                break;
            case Stage.QueryKeyValue:
                Multiply(_queryKeyValue[_layer], _normed, _width, _projected, worker, workers);
                break;
            case Stage.Append:
                Append(layer!, worker, workers);
                break;
            case Stage.Attend:
                Attend(layer!, worker, workers);
                break;
            case Stage.ArrangeAttended:
                Arrange(_output[_layer], _attended, _attendedWidth, worker, workers);
                break;
            case Stage.Output:
                Multiply(_output[_layer], _attended, _attendedWidth, _partial, worker, workers);
                break;
            case Stage.FeedForwardNorm:
                Norm(worker, workers, layer!.FeedForwardNorm, isFirst: false, _gateUp[_layer]);
                break;
            case Stage.GateUp:
                GateUp(worker, workers);
                break;
            case Stage.ArrangeGated:
                Arrange(_down[_layer], _gated, 2 * _channelWidth, worker, workers);
                break;
            case Stage.Down:
                Multiply(_down[_layer], _gated, 2 * _channelWidth, _partial, worker, workers);
                break;
            case Stage.FinalNorm:
                FinalNorm(worker, workers);
                break;
            case Stage.Head:
                _head.Multiply(Input(_head, _normed, _width, _headRows), Output(_head, _logits), worker, workers, Scratch(worker));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(stage));
        }
    }

    public void Dispose()
    {
        _team.Dispose();
        _rope.Dispose();
        foreach (NativeBlock block in (NativeBlock[])[_residual, _normed, _partial, _projected, _attended, _gated, _arranged, _logits, _scratch])
        {
            block.Dispose();
        }
    }

    private void Together(Stage stage) => _team.Run(this, (int)stage);

    // What is done token by token is too little to share when there is only one.
    private void Each(Stage stage, int tokens)
    {
        if (tokens == 1)
        {
            Run((int)stage, 0, 1);
        }
        else
        {
            Together(stage);
        }
    }

    private void Note(StepPhase phase, ref long time)
    {
        if (_timeline is not null)
        {
            time = _timeline.Record(phase, _layer < _weights.Layers.Length ? _layer : -1, time);
        }
    }

    private void SumPartials(ref long time)
    {
        if (_group.Size > 1)
        {
            AllReduce(_partial.Floats, _tokens);
            Note(StepPhase.AllReduce, ref time);
        }
    }

    private byte* Scratch(int worker) => _scratch.Bytes + (worker * _scratchBytes);

    private MatMulInput Input(LinearGroup linears, NativeBlock x, int stride, int tokens) =>
        new(x.Floats, stride, _arranged.Bytes, linears.ArrangedBytes, tokens);

    private static MatMulOutput Output(LinearGroup linears, NativeBlock y) => new(y.Floats, linears.OutputWidth);

    private void Multiply(LinearGroup linears, NativeBlock x, int stride, NativeBlock y, int worker, int workers) =>
        linears.Multiply(Input(linears, x, stride, _tokens), Output(linears, y), worker, workers, Scratch(worker));

    // The residual stream takes in what the ranks have summed, and the next block gets its norm.
    private void Norm(int worker, int workers, float[] weight, bool isFirst, LinearGroup next)
    {
        (int first, int end) = Share.Of(_tokens, worker, workers);
        bool arranges = next.WantsArranged(_tokens);
        for (long token = first; token < end; token++)
        {
            float* residual = _residual.Floats + (token * _width);
            float* normed = _normed.Floats + (token * _width);
            if (!isFirst)
            {
                ElementWise<TLanes, TVector>.Add(residual, _partial.Floats + (token * _width), _spec.HiddenSize);
            }

            RootMeanSquareNorm<TLanes, TVector>.Apply(residual, weight, _spec.NormEpsilon, normed);
            if (arranges)
            {
                next.Arrange(normed, _arranged.Bytes + (token * next.ArrangedBytes), _tokens);
            }
        }
    }

    private void Arrange(LinearGroup linears, NativeBlock x, int stride, int worker, int workers)
    {
        (int first, int end) = Share.Of(_tokens, worker, workers);
        for (long token = first; token < end; token++)
        {
            linears.Arrange(x.Floats + (token * stride), _arranged.Bytes + (token * linears.ArrangedBytes), _tokens);
        }
    }

    private void FinalNorm(int worker, int workers)
    {
        (int first, int end) = Share.Of(_headRows, worker, workers);
        for (int row = first; row < end; row++)
        {
            float* residual = _residual.Floats + ((long)_rows[_firstRow + row] * _width);
            float* normed = _normed.Floats + ((long)row * _width);
            ElementWise<TLanes, TVector>.Add(residual, _partial.Floats + ((long)_rows[_firstRow + row] * _width), _spec.HiddenSize);
            RootMeanSquareNorm<TLanes, TVector>.Apply(residual, _weights.FinalNorm, _spec.NormEpsilon, normed);
            if (_head.WantsArranged(_headRows))
            {
                _head.Arrange(normed, _arranged.Bytes + ((long)row * _head.ArrangedBytes), _headRows);
            }
        }
    }

    private void GateUp(int worker, int workers)
    {
        LinearGroup linears = _gateUp[_layer];
        (int first, int end) = linears.MultiplyBoth(
            Input(linears, _normed, _width, _tokens), Output(linears, _gated), worker, workers, Scratch(worker));
        for (int token = 0; token < _tokens; token++)
        {
            float* gate = _gated.Floats + ((long)token * linears.OutputWidth);
            ElementWise<TLanes, TVector>.GatedSilu(gate, gate + linears.OffsetOf(1), first, end);
        }
    }

    // Keys and values of the step go into the cache before anyone attends to them.
    private void Append(LayerWeights layer, int worker, int workers)
    {
        (int first, int end) = Share.Of(_sequenceCount * _keyValueHeads, worker, workers);
        for (int item = first; item < end; item++)
        {
            AppendHead(layer, _sequences[item / _keyValueHeads], item % _keyValueHeads);
        }
    }

    private void AppendHead(LayerWeights layer, in StepSequence sequence, int head)
    {
        LinearGroup linears = _queryKeyValue[_layer];
        int headSize = _spec.Attention.HeadSize;
        int group = _queryHeads / _keyValueHeads;
        byte* cache = sequence.Cache.Head(_layer, head);
        for (int i = 0; i < sequence.Count; i++)
        {
            int token = sequence.First + i;
            float* projected = _projected.Floats + ((long)token * linears.OutputWidth);
            float* key = projected + linears.OffsetOf(1) + (head * headSize);
            Rotate(key, layer.KeyNorm, token);
            _attention.Append(cache, sequence.Position + i, key, projected + linears.OffsetOf(2) + (head * headSize));
            for (int query = head * group; query < (head + 1) * group; query++)
            {
                Rotate(projected + (query * headSize), layer.QueryNorm, token);
            }
        }
    }

    private void Rotate(float* head, float[]? norm, int token)
    {
        if (norm is not null)
        {
            RootMeanSquareNorm<TLanes, TVector>.Apply(head, norm, _spec.NormEpsilon, head);
        }

        _rope.Apply(head, token);
    }

    // In decoding, a head's one token is appended by whoever attends to the head, where that is one worker.
    private void Attend(LayerWeights layer, int worker, int workers)
    {
        int group = _queryHeads / _keyValueHeads;
        int total = 0;
        for (int i = 0; i < _sequenceCount; i++)
        {
            total += _keyValueHeads * Blocks(_sequences[i].Count * group);
        }

        (int first, int end) = Share.Of(total, worker, workers);
        for (int i = 0; i < _sequenceCount && end > 0; i++)
        {
            int blocks = Blocks(_sequences[i].Count * group);
            int items = _keyValueHeads * blocks;
            for (int item = Math.Max(first, 0); item < Math.Min(end, items); item++)
            {
                if (_appendsInAttention && item % blocks == 0)
                {
                    AppendHead(layer, _sequences[i], item / blocks);
                }

                AttendBlock(_sequences[i], item / blocks, item % blocks, group, worker);
            }

            first -= items;
            end -= items;
        }
    }

    private static int Blocks(int rows) => (rows + AttentionKernel.RowsAtOnce - 1) / AttentionKernel.RowsAtOnce;

    private void AttendBlock(in StepSequence sequence, int head, int block, int group, int worker)
    {
        LinearGroup linears = _queryKeyValue[_layer];
        int first = block * AttentionKernel.RowsAtOnce;
        int queries = head * group * _spec.Attention.HeadSize;
        QueryRows rows = new(
            _projected.Floats + ((long)sequence.First * linears.OutputWidth) + queries,
            linears.OutputWidth,
            _attended.Floats + ((long)sequence.First * _attendedWidth) + queries,
            _attendedWidth,
            group,
            first,
            Math.Min(AttentionKernel.RowsAtOnce, (sequence.Count * group) - first),
            sequence.Position,
            _spec.Attention.SlidingWindow ?? int.MaxValue,
            _spec.Attention.Scale);
        _attention.Attend(sequence.Cache.Head(_layer, head), rows, Scratch(worker));
    }
}
