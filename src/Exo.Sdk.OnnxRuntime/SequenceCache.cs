using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>
/// The keys and values of one sequence: for each layer <c>[kv heads, context, head size]</c> keys, then values, in one block. Memory is
/// taken from the system page by page as positions are filled.
/// </summary>
internal sealed unsafe class SequenceCache : IDisposable
{
    private readonly NativeFloats _values;
    private readonly int _blockCount;
    private readonly int _headCount;
    private readonly int _contextLength;
    private readonly int _headSize;

    /// <summary>Takes the memory.</summary>
    /// <param name="layerCount">Layers.</param>
    /// <param name="shape">One layer's keys, or values: <c>[1, kv heads, context, head size]</c>.</param>
    internal SequenceCache(int layerCount, long[] shape)
    {
        _blockCount = 2 * layerCount;
        _headCount = (int)shape[1];
        _contextLength = (int)shape[2];
        _headSize = (int)shape[3];
        _values = new NativeFloats(_blockCount * BlockLength);
    }

    /// <summary>Positions filled.</summary>
    internal int Length { get; set; }

    internal long ByteCount => _values.ByteCount;

    /// <summary>Floats of one layer's keys, or values.</summary>
    internal long BlockLength => (long)_headCount * _contextLength * _headSize;

    internal float* Keys(int layer) => _values.Address + (2 * layer * BlockLength);

    internal float* Values(int layer) => Keys(layer) + BlockLength;

    /// <summary>Takes over another cache's positions.</summary>
    internal void CopyFrom(SequenceCache source)
    {
        Length = source.Length;
        int filled = Length * _headSize;
        long stride = (long)_contextLength * _headSize;
        for (long head = 0; head < (long)_blockCount * _headCount; head++)
        {
            new ReadOnlySpan<float>(source._values.Address + (head * stride), filled)
                .CopyTo(new Span<float>(_values.Address + (head * stride), filled));
        }
    }

    public void Dispose() => _values.Dispose();
}
