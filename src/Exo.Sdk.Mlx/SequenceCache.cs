using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Native;

namespace Exo.Sdk.Mlx;

/// <summary>
/// The keys and values of one sequence: for each layer <c>[1, kv heads, capacity, head size]</c>, written in place and grown by doubling.
/// MLX's arrays are values: a fork shares the arrays until one side writes, and MLX copies then.
/// </summary>
internal sealed class SequenceCache : ISequenceCache
{
    /// <summary>Positions that a cache begins with.</summary>
    internal const int SmallestCapacity = 256;

    private readonly MlxOperations _operations;
    private readonly ArrayScope _arrays;
    private readonly MlxArray[] _keys;
    private readonly MlxArray[] _values;
    private readonly MlxType _type;
    private readonly int[] _headSizes;
    private readonly int _headCount;
    private readonly int _contextLength;

    /// <summary>Makes an empty cache that holds no memory yet.</summary>
    /// <param name="operations">Where to compute.</param>
    /// <param name="type">The type of keys and values.</param>
    /// <param name="headSizes">The elements of a head, for each layer that has keys and values.</param>
    /// <param name="headCount">The rank's key-value heads.</param>
    /// <param name="contextLength">The most positions.</param>
    internal SequenceCache(MlxOperations operations, MlxType type, int[] headSizes, int headCount, int contextLength)
    {
        _operations = operations;
        _arrays = new ArrayScope(operations.Api);
        _keys = new MlxArray[headSizes.Length];
        _values = new MlxArray[headSizes.Length];
        _type = type;
        _headSizes = headSizes;
        _headCount = headCount;
        _contextLength = contextLength;
    }

    /// <summary>Positions filled.</summary>
    public int Length { get; set; }

    /// <summary>Positions there is room for.</summary>
    internal int Capacity { get; private set; }

    /// <summary>Bytes that the arrays take; arrays that a fork shares count on both sides.</summary>
    public long ByteCount => 2L * _headSizes.Sum() * _headCount * Capacity * (_type == MlxType.Float32 ? 4 : 2);

    /// <summary>The arrays, for evaluation.</summary>
    internal void CopyArraysTo(List<MlxArray> arrays)
    {
        arrays.AddRange(_keys);
        arrays.AddRange(_values);
    }

    /// <summary>Makes room for a step's positions in all layers.</summary>
    internal void Reserve(int length)
    {
        if (length <= Capacity)
        {
            return;
        }

        int capacity = Math.Max(Capacity, SmallestCapacity);
        while (capacity < length)
        {
            capacity *= 2;
        }

        capacity = Math.Min(capacity, _contextLength);
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            Grow(ref _keys[layer], _headSizes[layer], capacity);
            Grow(ref _values[layer], _headSizes[layer], capacity);
        }

        Capacity = capacity;
    }

    /// <summary>Writes a layer's keys and values <c>[1, kv heads, n, head size]</c> of positions <paramref name="position"/> on.</summary>
    internal void Write(int layer, int position, int count, MlxArray keys, MlxArray values)
    {
        Replace(ref _keys[layer], Write(_keys[layer], keys, _headSizes[layer], position, count));
        Replace(ref _values[layer], Write(_values[layer], values, _headSizes[layer], position, count));
    }

    /// <summary>A layer's keys from one position up to another.</summary>
    internal MlxArray Keys(int layer, int first, int end) => Part(_keys[layer], _headSizes[layer], first, end);

    /// <summary>A layer's values from one position up to another.</summary>
    internal MlxArray Values(int layer, int first, int end) => Part(_values[layer], _headSizes[layer], first, end);

    /// <summary>Takes over another cache's positions, into an empty one.</summary>
    internal void Share(SequenceCache source)
    {
        for (int layer = 0; layer < _keys.Length && source.Capacity > 0; layer++)
        {
            _keys[layer] = Reference(source._keys[layer]);
            _values[layer] = Reference(source._values[layer]);
        }

        Capacity = source.Capacity;
        Length = source.Length;
    }

    public void Dispose() => _arrays.Dispose();

    private void Grow(ref MlxArray array, int headSize, int capacity)
    {
        MlxArray room = _operations.Zeros(_type, 1, _headCount, capacity, headSize);
        Replace(ref array, Length == 0 ? room : Write(room, Part(array, headSize, 0, Length), headSize, 0, Length));
    }

    private MlxArray Write(MlxArray array, MlxArray part, int headSize, int position, int count) => _operations.SliceUpdate(
        array, part, [0, 0, position, 0], [1, _headCount, position + count, headSize]);

    private MlxArray Part(MlxArray array, int headSize, int first, int end) =>
        _operations.Slice(array, [0, 0, first, 0], [1, _headCount, end, headSize]);

    // The old array goes before the new one is computed, so that MLX finds nobody else holding it and writes in place.
    private void Replace(ref MlxArray array, MlxArray replacement)
    {
        if (array != MlxArray.None)
        {
            _arrays.Free(array);
        }

        array = _arrays.Own(_operations.Scope.Release(replacement));
    }

    private unsafe MlxArray Reference(MlxArray array)
    {
        MlxArray reference = _operations.Api.ArrayNew();
        return _arrays.Own(_operations.Api.ArraySet(&reference, array), reference, "mlx_array_set");
    }
}
