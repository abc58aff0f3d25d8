using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>
/// The keys and values of one sequence: for each layer <c>[kv heads, context, head size]</c> keys, then values, in one block. Memory is
/// taken from the system page by page as positions are filled.
/// </summary>
internal sealed unsafe class SequenceCache : IDisposable
{
    private readonly NativeFloats _values;
    private readonly IReadOnlyList<long[]> _shapes;
    private readonly long[] _offsets;

    /// <summary>Takes the memory.</summary>
    /// <param name="shapes">For each layer the shape of its keys, or values: <c>[1, kv heads, context, head size]</c>.</param>
    internal SequenceCache(IReadOnlyList<long[]> shapes)
    {
        _shapes = shapes;
        _offsets = new long[shapes.Count + 1];
        for (int layer = 0; layer < shapes.Count; layer++)
        {
            _offsets[layer + 1] = _offsets[layer] + (2 * BlockLength(layer));
        }

        _values = new NativeFloats(_offsets[^1]);
    }

    /// <summary>Positions filled.</summary>
    internal int Length { get; set; }

    internal long ByteCount => _values.ByteCount;

    /// <summary>Floats of one layer's keys, or values.</summary>
    internal long BlockLength(int layer) => _shapes[layer][1] * _shapes[layer][2] * _shapes[layer][3];

    internal float* Keys(int layer) => _values.Address + _offsets[layer];

    internal float* Values(int layer) => Keys(layer) + BlockLength(layer);

    /// <summary>Takes over another cache's positions.</summary>
    internal void CopyFrom(SequenceCache source)
    {
        Length = source.Length;
        for (int layer = 0; layer < _shapes.Count; layer++)
        {
            (long heads, long context, long headSize) = (_shapes[layer][1], _shapes[layer][2], _shapes[layer][3]);
            int filled = (int)(Length * headSize);
            for (long head = 0; head < 2 * heads; head++)
            {
                long offset = head * context * headSize;
                new ReadOnlySpan<float>(source.Keys(layer) + offset, filled).CopyTo(new Span<float>(Keys(layer) + offset, filled));
            }
        }
    }

    public void Dispose() => _values.Dispose();
}
