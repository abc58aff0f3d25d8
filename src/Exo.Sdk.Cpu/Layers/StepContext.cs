using Exo.Sdk.Cpu.Attention;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Cpu.Threading;
using Exo.Sdk.Cpu.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>Tokens of one sequence in the step under way.</summary>
/// <param name="Cache">What the sequence's layers keep.</param>
/// <param name="First">The first token's place in the step.</param>
/// <param name="Position">The first token's position.</param>
/// <param name="Count">Tokens.</param>
internal readonly record struct StepSequence(SequenceCache Cache, int First, int Position, int Count);

/// <summary>
/// What all layers of a step share: its sequences, the residual stream, buffers, and the team of threads. Buffers hold
/// <c>[tokens, width]</c> with widths padded to whole units; the padding of inputs stays zero. The calling thread leads the team and
/// takes the all-reduces itself.
/// </summary>
internal sealed unsafe class StepContext<TLanes, TVector> : IDisposable
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly ICollective _group;
    private readonly StepTimeline? _timeline;
    private readonly ThreadTeam _team;
    private readonly StepSequence[] _sequences;
    private readonly Dictionary<(string Purpose, int Width, int Used), NativeBlock> _buffers = [];
    private readonly Dictionary<(RopeSpec Rope, int HeadSize), Rope<TLanes, TVector>> _ropes = [];
    private readonly List<Rope<TLanes, TVector>> _ropeList = [];
    private readonly List<LayerCache> _caches = [];
    private readonly int _rowsAtOnce;
    private NativeBlock? _arranged;
    private NativeBlock? _scratch;
    private long _arrangedBytes;
    private long _scratchBytes = Tile.ByteCount;
    private int _sequenceCount;

    internal StepContext(ModelSpec spec, ShardAssignment assignment, ICollective group, ShardOptions options)
    {
        Assignment = assignment;
        Options = options;
        HiddenSize = spec.HiddenSize;
        Width = Units.Pad(spec.HiddenSize);
        _group = group;
        _timeline = options.Timeline;
        _rowsAtOnce = Math.Max(options.MaxBatchTokens, options.MaxSequences);
        Residual = Buffer("residual", Width, HiddenSize);
        Normed = NativeBlock.OfFloats((long)_rowsAtOnce * Width);
        Partial = Buffer("partial", Width, HiddenSize);
        _sequences = new StepSequence[options.MaxSequences];
        _team = new ThreadTeam(options.ThreadCount, options.Processors?.ToArray());
    }

    internal ShardAssignment Assignment { get; }

    internal ShardOptions Options { get; }

    internal int HiddenSize { get; }

    /// <summary>From one token's residual stream to the next one's.</summary>
    internal int Width { get; }

    /// <summary>The residual stream: what the layers start from, and what they give.</summary>
    internal NativeBlock Residual { get; }

    /// <summary>What the part that is under way gets, for as many rows as tokens or sequences.</summary>
    internal NativeBlock Normed { get; }

    /// <summary>What the last part gave, summed over ranks, and not yet in the residual stream.</summary>
    internal NativeBlock Partial { get; }

    /// <summary>The layer under way; −1 outside of them.</summary>
    internal int Layer { get; set; }

    /// <summary>Tokens of the step.</summary>
    internal int Tokens { get; private set; }

    /// <summary>Whether each sequence has one token.</summary>
    internal bool IsDecode { get; private set; }

    internal ReadOnlySpan<StepSequence> Sequences => _sequences.AsSpan(0, _sequenceCount);

    /// <summary>What the layers keep of every sequence.</summary>
    internal IReadOnlyList<LayerCache> Caches => _caches;

    internal long BufferBytes =>
        _buffers.Values.Sum(static buffer => buffer.ByteCount) + Normed.ByteCount + _arranged!.ByteCount + _scratch!.ByteCount
        + _ropes.Values.Sum(static rope => rope.ByteCount);

    /// <summary>A buffer of rows; layers of equal widths, which run in turn, share it.</summary>
    /// <param name="purpose">What it holds.</param>
    /// <param name="width">Numbers of a row.</param>
    /// <param name="used">Those that are written; the others stay zero.</param>
    internal NativeBlock Buffer(string purpose, int width, int used)
    {
        if (!_buffers.TryGetValue((purpose, width, used), out NativeBlock? buffer))
        {
            buffer = NativeBlock.OfFloats((long)Options.MaxBatchTokens * width);
            _buffers.Add((purpose, width, used), buffer);
        }

        return buffer;
    }

    /// <summary>The angles of a kind of rope.</summary>
    internal Rope<TLanes, TVector> RopeOf(RopeSpec rope, int headSize)
    {
        if (!_ropes.TryGetValue((rope, headSize), out Rope<TLanes, TVector>? table))
        {
            table = new Rope<TLanes, TVector>(rope, headSize, Options.MaxBatchTokens);
            _ropes.Add((rope, headSize), table);
            _ropeList.Add(table);
        }

        return table;
    }

    /// <summary>Declares what a layer keeps of every sequence.</summary>
    /// <returns>Its index in a <see cref="SequenceCache"/>.</returns>
    internal int AddCache(LayerCache cache)
    {
        _caches.Add(cache);
        return _caches.Count - 1;
    }

    /// <summary>Asks for room to arrange matrices' inputs, before <see cref="Complete"/>.</summary>
    internal void Reserve(params ReadOnlySpan<LinearGroup> groups)
    {
        foreach (LinearGroup group in groups)
        {
            _arrangedBytes = Math.Max(_arrangedBytes, group.ArrangedBytes);
        }
    }

    /// <summary>Asks for scratch memory of each thread, before <see cref="Complete"/>.</summary>
    internal void ReserveScratch(long byteCount) => _scratchBytes = Math.Max(_scratchBytes, byteCount);

    /// <summary>Takes the memory that was asked for.</summary>
    internal void Complete()
    {
        _arranged = new NativeBlock(_rowsAtOnce * _arrangedBytes);
        _scratchBytes = (_scratchBytes + 4095) / 4096 * 4096;
        _scratch = new NativeBlock(_scratchBytes * Options.ThreadCount, hugePages: false);
    }

    /// <summary>Begins a step.</summary>
    internal void Begin()
    {
        _sequenceCount = 0;
        Tokens = 0;
        IsDecode = true;
        Layer = -1;
    }

    /// <summary>Adds tokens of a sequence to the step.</summary>
    internal void Add(SequenceCache cache, int position, int count)
    {
        _sequences[_sequenceCount++] = new StepSequence(cache, Tokens, position, count);
        foreach (Rope<TLanes, TVector> rope in _ropeList)
        {
            rope.Prepare(Tokens, position, count);
        }

        Tokens += count;
        IsDecode &= count == 1;
    }

    /// <summary>Runs a stage on all threads.</summary>
    internal void Together(ITeamWork work, int stage) => _team.Run(work, stage);

    /// <summary>Runs a stage that goes row by row, which is too little to share when there is only one.</summary>
    internal void Each(ITeamWork work, int stage, int rows)
    {
        if (rows == 1)
        {
            work.Run(stage, 0, 1);
        }
        else
        {
            _team.Run(work, stage);
        }
    }

    /// <summary>Notes what the time since was for.</summary>
    internal void Note(StepPhase phase, ref long time)
    {
        if (_timeline is not null)
        {
            time = _timeline.Record(phase, Layer, time);
        }
    }

    /// <summary>Sums <see cref="Partial"/> over all ranks.</summary>
    internal void SumPartials(ref long time)
    {
        if (_group.Size > 1)
        {
            AllReduce(Partial.Floats, Tokens);
            Note(StepPhase.AllReduce, ref time);
        }
    }

    /// <summary>Sums rows of <see cref="Width"/> over all ranks.</summary>
    internal void AllReduce(float* rows, int count)
    {
        if (_group.Size == 1)
        {
            return;
        }

        // Padding does not travel, for another rank may have none: the rows are moved together, summed at once, and moved back.
        int hidden = HiddenSize;
        Span<float> all = new(rows, count * Width);
        for (int row = 1; row < count && hidden < Width; row++)
        {
            all.Slice(row * Width, hidden).CopyTo(all[(row * hidden)..]);
        }

        _group.AllReduceSum(all[..(count * hidden)]);
        for (int row = count - 1; row >= 0 && hidden < Width; row--)
        {
            all.Slice(row * hidden, hidden).CopyTo(all[(row * Width)..]);
            all.Slice((row * Width) + hidden, Width - hidden).Clear();
        }
    }

    internal byte* Scratch(int worker) => _scratch!.Bytes + (worker * _scratchBytes);

    /// <summary>The inputs of matrices: rows of a buffer, and the same arranged.</summary>
    internal MatMulInput Input(LinearGroup linears, NativeBlock x, int stride, int rows) =>
        new(x.Floats, stride, _arranged!.Bytes, linears.ArrangedBytes, rows);

    internal static MatMulOutput Output(LinearGroup linears, NativeBlock y) => new(y.Floats, linears.OutputWidth);

    /// <summary>A worker's share of products for all tokens.</summary>
    internal void Multiply(LinearGroup linears, NativeBlock x, int stride, NativeBlock y, int worker, int workers) =>
        linears.Multiply(Input(linears, x, stride, Tokens), Output(linears, y), worker, workers, Scratch(worker));

    /// <summary>Arranges a worker's share of all tokens' inputs.</summary>
    internal void Arrange(LinearGroup linears, NativeBlock x, int stride, int worker, int workers)
    {
        (int first, int end) = Share.Of(Tokens, worker, workers);
        for (int token = first; token < end; token++)
        {
            ArrangeRow(linears, x.Floats + ((long)token * stride), token, Tokens);
        }
    }

    /// <summary>Arranges one row's inputs.</summary>
    internal void ArrangeRow(LinearGroup linears, float* x, int row, int rows) =>
        linears.Arrange(x, _arranged!.Bytes + ((long)row * linears.ArrangedBytes), rows);

    /// <summary>The residual stream takes in what the ranks have summed, and the next part gets its norm.</summary>
    internal void Norm(int worker, int workers, NormWeights norm, bool isFirst, LinearGroup next)
    {
        (int first, int end) = Share.Of(Tokens, worker, workers);
        bool arranges = next.WantsArranged(Tokens);
        for (int token = first; token < end; token++)
        {
            float* residual = Residual.Floats + ((long)token * Width);
            float* normed = Normed.Floats + ((long)token * Width);
            if (!isFirst)
            {
                ElementWise<TLanes, TVector>.Add(residual, Partial.Floats + ((long)token * Width), HiddenSize);
            }

            RootMeanSquareNorm<TLanes, TVector>.Apply(residual, norm.Weight, norm.Epsilon, normed);
            if (arranges)
            {
                ArrangeRow(next, normed, token, Tokens);
            }
        }
    }

    public void Dispose()
    {
        _team.Dispose();
        Normed.Dispose();
        _arranged?.Dispose();
        _scratch?.Dispose();
        foreach (NativeBlock buffer in _buffers.Values)
        {
            buffer.Dispose();
        }

        foreach (Rope<TLanes, TVector> rope in _ropeList)
        {
            rope.Dispose();
        }
    }
}
