using Exo.Sdk.Backends;
using Exo.Sdk.OnnxRuntime.Graph;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>A sequence's cache, bound to the graph's inputs and, in place, to its outputs.</summary>
internal sealed unsafe class SequenceBinding : ISequenceCache
{
    private readonly List<OrtValue> _values = [];
    private int _boundTokens;

    internal SequenceBinding(
        OrtIoBinding binding, SequenceCache cache, IReadOnlyList<long[]> shapes, OrtMemoryInfo memory, OrtValue lastPosition, OrtValue sequenceLength)
    {
        Binding = binding;
        Cache = cache;
        binding.BindInput(ShardGraphs.LastSequencePosition, lastPosition);
        binding.BindInput(ShardGraphs.SequenceLength, sequenceLength);
        for (int layer = 0; layer < shapes.Count; layer++)
        {
            OrtValue keys = Value(memory, cache.Keys(layer), cache.BlockLength(layer), shapes[layer]);
            OrtValue values = Value(memory, cache.Values(layer), cache.BlockLength(layer), shapes[layer]);
            binding.BindInput(ShardGraphs.PastKey(layer), keys);
            binding.BindInput(ShardGraphs.PastValue(layer), values);
            binding.BindOutput(ShardGraphs.PresentKey(layer), keys);
            binding.BindOutput(ShardGraphs.PresentValue(layer), values);
        }
    }

    internal OrtIoBinding Binding { get; }

    internal SequenceCache Cache { get; }

    public int Length
    {
        get => Cache.Length;
        set => Cache.Length = value;
    }

    public long ByteCount => Cache.ByteCount;

    internal void BindStream(int tokens, OrtValue hidden, OrtValue result)
    {
        if (_boundTokens != tokens)
        {
            Binding.BindInput(ShardGraphs.Hidden, hidden);
            Binding.BindOutput(ShardGraphs.Result, result);
            _boundTokens = tokens;
        }
    }

    public void Dispose()
    {
        Binding.Dispose();
        _values.ForEach(value => value.Dispose());
        Cache.Dispose();
    }

    private OrtValue Value(OrtMemoryInfo memory, float* address, long count, long[] shape)
    {
        OrtValue value = OrtValue.CreateTensorValueWithData(memory, TensorElementType.Float, shape, (nint)address, count * sizeof(float));
        _values.Add(value);
        return value;
    }
}
