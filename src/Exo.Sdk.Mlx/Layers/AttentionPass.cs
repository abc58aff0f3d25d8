using System.Runtime.InteropServices;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx.Layers;

/// <summary>Grouped-query attention. Each sequence attends to its own cache, which takes the step's positions in.</summary>
internal sealed class AttentionPass : LayerPass
{
    private readonly AttentionWeights _weights;
    private readonly MlxOperations _operations;
    private readonly WindowMasks _masks;
    private readonly int _cache;
    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private readonly int _headSize;
    private readonly int? _window;
    private readonly List<MlxArray> _attended = [];

    /// <summary>Prepares the pass.</summary>
    /// <param name="weights">The rank's weights.</param>
    /// <param name="cache">Which of a sequence's caches is the layer's.</param>
    /// <param name="assignment">The rank's part.</param>
    /// <param name="operations">Where to compute.</param>
    /// <param name="masks">The step's masks.</param>
    internal AttentionPass(AttentionWeights weights, int cache, ShardAssignment assignment, MlxOperations operations, WindowMasks masks)
        : base(weights.Norm)
    {
        _weights = weights;
        _operations = operations;
        _masks = masks;
        _cache = cache;
        _queryHeads = assignment.QueryHeads.Count;
        _keyValueHeads = assignment.KeyValueHeads.Count;
        _headSize = weights.Spec.HeadSize;
        _window = weights.Spec.SlidingWindow;
    }

    internal override MlxArray Run(MlxArray x, in StepInput step)
    {
        MlxArray queries = Heads(_weights.Query, _weights.QueryNorm, x, step.TokenCount, _queryHeads);
        MlxArray keys = Heads(_weights.Key, _weights.KeyNorm, x, step.TokenCount, _keyValueHeads);
        MlxArray values = Heads(_weights.Value, null, x, step.TokenCount, _keyValueHeads);
        _attended.Clear();
        int first = 0;
        for (int i = 0; i < step.Sequences.Length; i++)
        {
            SequenceStep sequence = step.Sequences[i];
            bool isAlone = step.Sequences.Length == 1;
            MlxArray attended = Attend(
                sequence,
                step.Caches[sequence.Slot],
                _masks.Of(i, sequence, _window),
                isAlone ? queries : Rows(queries, first, sequence.Count, _queryHeads),
                isAlone ? keys : Rows(keys, first, sequence.Count, _keyValueHeads),
                isAlone ? values : Rows(values, first, sequence.Count, _keyValueHeads));

            // [1, heads, n, size] → [n, heads·size]
            _attended.Add(_operations.Reshape(_operations.Transpose(attended, 0, 2, 1, 3), sequence.Count, _queryHeads * _headSize));
            first += sequence.Count;
        }

        MlxArray joined = _attended.Count == 1 ? _attended[0] : _operations.Concatenate(CollectionsMarshal.AsSpan(_attended), 0);
        return _weights.Output.Apply(_operations, joined);
    }

    // Queries, keys and values of one sequence [1, n, heads, size] → attended values [1, heads, n, size].
    private MlxArray Attend(in SequenceStep step, SequenceCache cache, MlxArray mask, MlxArray queries, MlxArray keys, MlxArray values)
    {
        int end = step.Position + step.Count;
        queries = Rotate(_operations.Transpose(queries, 0, 2, 1, 3), step.Position);
        keys = Rotate(_operations.Transpose(keys, 0, 2, 1, 3), step.Position);
        values = _operations.Transpose(values, 0, 2, 1, 3);
        cache.Write(_cache, step.Position, step.Count, keys, values);
        int first = WindowMasks.FirstVisible(step, _window);
        return _operations.Attention(
            queries, cache.Keys(_cache, first, end), cache.Values(_cache, first, end), _weights.Spec.Scale, step.Count > 1, mask);
    }

    private MlxArray Rotate(MlxArray x, int position) =>
        _weights.RopePeriods == MlxArray.None ? x : _operations.Rope(x, _headSize, position, _weights.RopePeriods);

    // A projection cut into heads [1, tokens, heads, size], each normed for itself where the family does that.
    private MlxArray Heads(MlxMatrix projection, NormWeights? norm, MlxArray x, int tokens, int heads)
    {
        MlxArray y = _operations.Reshape(projection.Apply(_operations, x), 1, tokens, heads, _headSize);
        return norm is null ? y : _operations.RmsNorm(y, norm.Weight, norm.Epsilon);
    }

    private MlxArray Rows(MlxArray x, int first, int count, int heads) =>
        _operations.Slice(x, [0, first, 0, 0], [1, first + count, heads, _headSize]);
}
