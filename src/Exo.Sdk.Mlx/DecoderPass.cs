using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Distributed;
using Exo.Sdk.Mlx.Layers;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx;

/// <summary>
/// One step through the decoder, as operations of MLX: embedding, the layers' parts, head. The tokens of all sequences go through the
/// matrices together.
/// </summary>
internal sealed class DecoderPass
{
    private readonly ModelSpec _spec;
    private readonly ShardAssignment _assignment;
    private readonly ShardWeights _weights;
    private readonly MlxOperations _operations;
    private readonly MlxType _type;
    private readonly IRankSum _ranks;
    private readonly WindowMasks _masks;
    private readonly LayerPass[] _parts;

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
        _masks = new WindowMasks(operations);
        _parts = new LayerPass[weights.Parts.Count];
        int caches = 0;
        for (int i = 0; i < _parts.Length; i++)
        {
            _parts[i] = weights.Parts[i] switch
            {
                AttentionWeights attention => new AttentionPass(attention, caches++, assignment, operations, _masks),
                GatedWeights gated => new GatedPass(gated, operations),
                _ => throw new ArgumentOutOfRangeException(nameof(weights)),
            };
        }
    }

    /// <summary>All layers: tokens in, residual stream <c>[tokens, hidden]</c> out; the sequences' caches take the new positions in.</summary>
    /// <param name="tokens">The tokens of all sequences, joined.</param>
    /// <param name="sequences">Which tokens belong to which sequence.</param>
    /// <param name="caches">The caches by slot.</param>
    internal MlxArray RunLayers(ReadOnlySpan<int> tokens, ReadOnlySpan<SequenceStep> sequences, SequenceSlots<SequenceCache> caches)
    {
        _masks.Clear();
        StepInput step = new() { TokenCount = tokens.Length, Sequences = sequences, Caches = caches };
        MlxArray x = Embed(tokens);
        foreach (LayerPass part in _parts)
        {
            x = _operations.Add(x, _ranks.Sum(_operations, part.Run(Norm(x, part.Norm), step)));
        }

        return x;
    }

    /// <summary>The rank's part of the logits of some rows: <c>[rows, the rank's tokens]</c> in single precision.</summary>
    /// <param name="x">The residual stream after all layers.</param>
    /// <param name="rows">Which rows of it.</param>
    internal MlxArray RunHead(MlxArray x, ReadOnlySpan<int> rows)
    {
        MlxArray last = _operations.TakeRows(x, _operations.Data(rows, MlxType.Int32, rows.Length));
        MlxArray normed = Norm(last, _weights.FinalNorm);
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

    private MlxArray Norm(MlxArray x, NormWeights norm) => _operations.RmsNorm(x, norm.Weight, norm.Epsilon);
}
