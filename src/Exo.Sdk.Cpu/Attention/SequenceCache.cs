using Exo.Sdk.Backends;
using Exo.Sdk.Cpu.Memory;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>What all layers keep of one sequence. The system gives memory page by page as positions are filled.</summary>
internal sealed unsafe class SequenceCache : ISequenceCache
{
    private readonly IReadOnlyList<LayerCache> _layers;
    private readonly long[] _offsets;
    private readonly NativeBlock _block;
    private int _length;
    private int _longest;

    /// <summary>Takes the memory.</summary>
    /// <param name="layers">What each layer needs.</param>
    internal SequenceCache(IReadOnlyList<LayerCache> layers)
    {
        _layers = layers;
        _offsets = new long[layers.Count];
        long byteCount = 0;
        for (int layer = 0; layer < layers.Count; layer++)
        {
            _offsets[layer] = byteCount;
            byteCount += layers[layer].Shape.ByteCount;
        }

        _block = new NativeBlock(byteCount, hugePages: false);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A layer's window has let go of positions that the shorter sequence looks at.</exception>
    public int Length
    {
        get => _length;
        set
        {
            if (value < _length)
            {
                CheckKept(value);
            }

            _length = value;
            _longest = Math.Max(_longest, value);
        }
    }

    public long ByteCount => _block.ByteCount;

    /// <summary>One head of one layer.</summary>
    internal byte* Head(int layer, int head) => _block.Bytes + _offsets[layer] + (head * _layers[layer].Shape.HeadBytes);

    /// <summary>Takes over another cache's positions.</summary>
    internal void CopyFrom(SequenceCache source)
    {
        _length = source._length;
        _longest = source._longest;
        for (int layer = 0; layer < _layers.Count; layer++)
        {
            CacheShape shape = _layers[layer].Shape;
            int positions = Math.Min(Length, shape.Capacity);
            long keys = (long)(positions + shape.Lanes - 1) / shape.Lanes * shape.Lanes * shape.HeadSize * shape.ElementBytes;
            long values = (long)positions * shape.ValueWidth * shape.ElementBytes;
            for (int head = 0; head < shape.Heads; head++)
            {
                byte* from = source.Head(layer, head);
                byte* to = Head(layer, head);
                Copy(from, to, keys);
                Copy(from + shape.ValueOffset, to + shape.ValueOffset, values);
                if (shape.HasScales)
                {
                    long scales = shape.ScaleOffset;
                    Copy(from + scales, to + scales, positions * sizeof(float));
                    scales += (long)shape.Capacity * sizeof(float);
                    Copy(from + scales, to + scales, positions * sizeof(float));
                }
            }
        }
    }

    public void Dispose() => _block.Dispose();

    private void CheckKept(int length)
    {
        foreach (LayerCache layer in _layers)
        {
            int first = Math.Max(0, length - layer.Window + 1);
            if (first < _longest - layer.Shape.Capacity)
            {
                throw new InvalidOperationException(
                    $"The sequence cannot be cut to {length} positions: a window of {layer.Window} has let go of position {first} after {_longest}.");
            }
        }
    }

    private static void Copy(byte* from, byte* to, long byteCount) => Buffer.MemoryCopy(from, to, byteCount, byteCount);
}
