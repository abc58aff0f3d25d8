using System.Runtime.InteropServices;
using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Distributed;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx;

/// <summary>
/// One step through the decoder, as operations of MLX. The tokens of all sequences go through the matrices together, and each
/// sequence attends to its own cache.
/// </summary>
internal sealed class DecoderPass
{
    private readonly ModelSpec _spec;
    private readonly ShardAssignment _assignment;
    private readonly ShardWeights _weights;
    private readonly MlxOperations _operations;
    private readonly MlxType _type;
    private readonly IRankSum _ranks;
    private readonly List<MlxArray> _attended = [];
    private readonly List<MlxArray> _masks = [];

    /// <summary>Prepares the pass.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="weights">The rank's weights.</param>
    /// <param name="operations">Where to compute.</param>
    /// <param name="type">The type that is computed in.</param>
    /// <param name="ranks">The sum over ranks.</param>
    internal DecoderPass(
        ModelSpec spec, ShardAssignment assignment, ShardWeights weights, MlxOperations operations, MlxType type, IRankSum ranks)
    {
        _spec = spec;
        _assignment = assignment;
        _weights = weights;
        _operations = operations;
        _type = type;
        _ranks = ranks;
    }

    /// <summary>All layers: tokens in, residual stream <c>[tokens, hidden]</c> out; the sequences' caches take the new positions in.</summary>
    /// <param name="tokens">The tokens of all sequences, joined.</param>
    /// <param name="sequences">Which tokens belong to which sequence.</param>
    /// <param name="caches">The caches by slot.</param>
    internal MlxArray RunLayers(ReadOnlySpan<int> tokens, ReadOnlySpan<SequenceStep> sequences, SequenceSlots<SequenceCache> caches)
    {
        PrepareMasks(sequences);
        MlxArray x = Embed(tokens);
        for (int i = 0; i < _weights.Layers.Count; i++)
        {
            LayerWeights layer = _weights.Layers[i];
            MlxArray normed = _operations.RmsNorm(x, layer.AttentionNorm, _spec.NormEpsilon);
            x = _operations.Add(x, _ranks.Sum(_operations, Attention(i, layer, normed, sequences, caches)));
            normed = _operations.RmsNorm(x, layer.FeedForwardNorm, _spec.NormEpsilon);
            x = _operations.Add(x, _ranks.Sum(_operations, FeedForward(layer, normed)));
        }

        return x;
    }

    /// <summary>The rank's part of the logits of some rows: <c>[rows, the rank's tokens]</c> in single precision.</summary>
    /// <param name="x">The residual stream after all layers.</param>
    /// <param name="rows">Which rows of it.</param>
    internal MlxArray RunHead(MlxArray x, ReadOnlySpan<int> rows)
    {
        MlxArray last = _operations.TakeRows(x, _operations.Data(rows, MlxType.Int32, rows.Length));
        MlxArray normed = _operations.RmsNorm(last, _weights.FinalNorm, _spec.NormEpsilon);
        return _operations.Contiguous(_operations.AsType(_weights.Head.Apply(_operations, normed), MlxType.Float32));
    }

    // Each rank looks up the tokens of its part of the vocabulary, zero for others; the sum over ranks is the whole embedding.
    private MlxArray Embed(ReadOnlySpan<int> tokens)
    {
        IndexRange mine = _assignment.Tokens;
        if (_assignment.WorldSize == 1)
        {
            return _weights.Embedding.TakeRows(_operations, _operations.Data(tokens, MlxType.Int32, tokens.Length));
        }

        Span<int> indices = tokens.Length <= 256 ? stackalloc int[tokens.Length] : new int[tokens.Length];
        Span<float> isMine = tokens.Length <= 256 ? stackalloc float[tokens.Length] : new float[tokens.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            int row = tokens[i] - mine.Start;
            bool isInside = (uint)row < (uint)mine.Count;
            indices[i] = isInside ? row : 0;
            isMine[i] = isInside ? 1 : 0;
        }

        MlxArray rows = mine.Count == 0
            ? _operations.Zeros(_type, tokens.Length, _spec.HiddenSize)
            : _weights.Embedding.TakeRows(_operations, _operations.Data<int>(indices, MlxType.Int32, tokens.Length));
        MlxArray factors = _operations.AsType(_operations.Data<float>(isMine, MlxType.Float32, tokens.Length, 1), _type);
        return _ranks.Sum(_operations, _operations.Multiply(rows, factors));
    }

    private MlxArray Attention(
        int index, LayerWeights layer, MlxArray x, ReadOnlySpan<SequenceStep> sequences, SequenceSlots<SequenceCache> caches)
    {
        int tokens = 0;
        foreach (ref readonly SequenceStep step in sequences)
        {
            tokens += step.Count;
        }

        int size = _spec.Attention.HeadSize;
        int queryHeads = _assignment.QueryHeads.Count;
        MlxArray queries = Heads(layer.Query, layer.QueryNorm, x, tokens, queryHeads);
        MlxArray keys = Heads(layer.Key, layer.KeyNorm, x, tokens, _assignment.KeyValueHeads.Count);
        MlxArray values = Heads(layer.Value, MlxArray.None, x, tokens, _assignment.KeyValueHeads.Count);
        _attended.Clear();
        int first = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            SequenceStep step = sequences[i];
            bool isAlone = sequences.Length == 1;
            MlxArray attended = Attend(
                index,
                step,
                caches[step.Slot],
                _masks[i],
                isAlone ? queries : Rows(queries, first, step.Count, queryHeads),
                isAlone ? keys : Rows(keys, first, step.Count, _assignment.KeyValueHeads.Count),
                isAlone ? values : Rows(values, first, step.Count, _assignment.KeyValueHeads.Count));

            // [1, heads, n, size] → [n, heads·size]
            _attended.Add(_operations.Reshape(_operations.Transpose(attended, 0, 2, 1, 3), step.Count, queryHeads * size));
            first += step.Count;
        }

        MlxArray joined = _attended.Count == 1 ? _attended[0] : _operations.Concatenate(CollectionsMarshal.AsSpan(_attended), 0);
        return layer.Output.Apply(_operations, joined);
    }

    // Queries, keys and values of one sequence [1, n, heads, size] → attended values [1, heads, n, size].
    private MlxArray Attend(
        int layer, SequenceStep step, SequenceCache cache, MlxArray mask, MlxArray queries, MlxArray keys, MlxArray values)
    {
        int end = step.Position + step.Count;
        queries = Rotate(_operations.Transpose(queries, 0, 2, 1, 3), step.Position);
        keys = Rotate(_operations.Transpose(keys, 0, 2, 1, 3), step.Position);
        values = _operations.Transpose(values, 0, 2, 1, 3);
        cache.Write(layer, step.Position, step.Count, keys, values);
        int first = FirstVisible(step);
        return _operations.Attention(
            queries, cache.Keys(layer, first, end), cache.Values(layer, first, end), _spec.Attention.Scale, step.Count > 1, mask);
    }

    private MlxArray Rotate(MlxArray x, int position) => _operations.Rope(x, _spec.Attention.HeadSize, position, _weights.RopePeriods);

    // A projection cut into heads [1, tokens, heads, size], each normed for itself where the family does that.
    private MlxArray Heads(MlxMatrix projection, MlxArray norm, MlxArray x, int tokens, int heads)
    {
        MlxArray y = _operations.Reshape(projection.Apply(_operations, x), 1, tokens, heads, _spec.Attention.HeadSize);
        return norm == MlxArray.None ? y : _operations.RmsNorm(y, norm, _spec.NormEpsilon);
    }

    private MlxArray Rows(MlxArray x, int first, int count, int heads) =>
        _operations.Slice(x, [0, first, 0, 0], [1, first + count, heads, _spec.Attention.HeadSize]);

    private MlxArray FeedForward(LayerWeights layer, MlxArray x)
    {
        MlxArray gate = layer.Gate.Apply(_operations, x);
        MlxArray silu = _operations.Multiply(gate, _operations.Sigmoid(gate));
        return layer.Down.Apply(_operations, _operations.Multiply(silu, layer.Up.Apply(_operations, x)));
    }

    // The first position that any token of the step may look at.
    private int FirstVisible(SequenceStep step) =>
        _spec.Attention.SlidingWindow is { } window ? Math.Max(0, step.Position - window + 1) : 0;

    // A window needs a mask only where the step's tokens see different keys and the window hides some; all layers share it.
    private void PrepareMasks(ReadOnlySpan<SequenceStep> sequences)
    {
        _masks.Clear();
        foreach (ref readonly SequenceStep step in sequences)
        {
            int end = step.Position + step.Count;
            _masks.Add(_spec.Attention.SlidingWindow is { } window && step.Count > 1 && end > window ? WindowMask(step, window) : MlxArray.None);
        }
    }

    private MlxArray WindowMask(SequenceStep step, int window)
    {
        int first = FirstVisible(step);
        int length = step.Position + step.Count - first;
        bool[] mask = new bool[checked(step.Count * length)];
        for (int i = 0; i < step.Count; i++)
        {
            int position = step.Position + i;
            int from = Math.Max(first, position - window + 1);
            mask.AsSpan((i * length) + from - first, position - from + 1).Fill(true);
        }

        return _operations.Data<bool>(mask, MlxType.Boolean, step.Count, length);
    }
}
