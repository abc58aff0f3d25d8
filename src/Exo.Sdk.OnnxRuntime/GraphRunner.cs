using System.Runtime.InteropServices;
using Exo.Sdk.OnnxRuntime.Graph;
using Exo.Sdk.OnnxRuntime.Native;
using Exo.Sdk.OnnxRuntime.Weights;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Exo.Sdk.OnnxRuntime;

/// <summary>The shard's two graphs, ready to run over buffers that are bound once.</summary>
internal sealed unsafe class GraphRunner : IDisposable
{
    private static readonly Lock FirstSession = new();
    private static volatile bool _isDomainKnown;

    private readonly int _rank;
    private readonly int _hiddenSize;
    private readonly NativeFloats _hidden;
    private readonly NativeFloats _result;
    private readonly NativeFloats _logits;
    private readonly int* _lengths;
    private readonly OrtMemoryInfo _memory = new(OrtMemoryInfo.allocatorCPU, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);
    private readonly RunOptions _runOptions = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private readonly AllReduceOperator? _allReduce;
    private readonly InferenceSession _layers;
    private readonly InferenceSession _head;
    private readonly OrtIoBinding _headBinding;
    private readonly Dictionary<int, (OrtValue Hidden, OrtValue Result)> _streams = [];
    private readonly OrtValue _lastPosition;
    private readonly OrtValue _sequenceLength;
    private readonly OrtValue _logitsValue;

    /// <summary>Makes the sessions.</summary>
    internal GraphRunner(
        ICollective group,
        int hiddenSize,
        int logitCount,
        ShardOptions limits,
        IReadOnlyList<ExternalTensor> tensors,
        byte[] layers,
        byte[] head)
    {
        _rank = group.Rank;
        _hiddenSize = hiddenSize;
        _hidden = new NativeFloats((long)limits.MaxBatchTokens * hiddenSize);
        _result = new NativeFloats((long)limits.MaxBatchTokens * hiddenSize);
        _logits = new NativeFloats(logitCount);
        _lengths = (int*)NativeMemory.AllocZeroed(2, sizeof(int));
        try
        {
            using SessionOptions options = CreateOptions(limits.ThreadCount);
            options.AddSessionConfigEntry("session.use_external_initializer_file_buffers_directly", "1");
            NativeApi.AddFilesInMemory(options.DangerousGetHandle(), tensors);
            if (group.Size > 1)
            {
                _allReduce = new AllReduceOperator(group, hiddenSize);
                _allReduce.Register(options);
            }

            _layers = CreateSession(layers, options);
            _head = CreateSession(head, options);

            _lastPosition = OrtValue.CreateTensorValueWithData(_memory, TensorElementType.Int32, [1], (nint)_lengths, sizeof(int));
            _sequenceLength = OrtValue.CreateTensorValueWithData(_memory, TensorElementType.Int32, [1], (nint)(_lengths + 1), sizeof(int));
            _logitsValue = Value(_logits.Address, 1, 1, logitCount);
            _headBinding = _head.CreateIoBinding();
            _headBinding.BindInput(ShardGraphs.Hidden, StreamOf(1).Hidden);
            _headBinding.BindOutput(ShardGraphs.Logits, _logitsValue);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// The first session that names the custom operator's domain enters it into a table of the whole process, which ONNX Runtime
    /// does not guard: of ranks that load side by side one would fail. Later sessions only read the table.
    /// </summary>
    private InferenceSession CreateSession(byte[] graph, SessionOptions options)
    {
        if (_allReduce is null || _isDomainKnown)
        {
            return new InferenceSession(graph, options);
        }

        lock (FirstSession)
        {
            InferenceSession session = new(graph, options);
            _isDomainKnown = true;
            return session;
        }
    }

    /// <summary>The residual stream that <see cref="RunLayers"/> starts from.</summary>
    internal Span<float> Hidden => _hidden.Span;

    /// <summary>The residual stream that <see cref="RunLayers"/> gives.</summary>
    internal ReadOnlySpan<float> Result => _result.Span;

    /// <summary>The rank's part of the logits that <see cref="RunHead"/> gives.</summary>
    internal ReadOnlySpan<float> Logits => _logits.Span;

    internal long BufferBytes => _hidden.ByteCount + _result.ByteCount + _logits.ByteCount;

    /// <summary>Binds one sequence's cache.</summary>
    internal SequenceBinding Bind(SequenceCache cache, IReadOnlyList<long[]> shapes) =>
        new(_layers.CreateIoBinding(), cache, shapes, _memory, _lastPosition, _sequenceLength);

    /// <summary>Runs all layers over the first rows of <see cref="Hidden"/>.</summary>
    internal void RunLayers(SequenceBinding sequence, int position, int tokens)
    {
        (OrtValue hidden, OrtValue result) = StreamOf(tokens);
        sequence.BindStream(tokens, hidden, result);
        _lengths[0] = position + tokens - 1;
        _lengths[1] = position + tokens;
        Run("layers", _layers, sequence.Binding, tokens);
    }

    /// <summary>Runs the head over one row of the residual stream.</summary>
    internal void RunHead(ReadOnlySpan<float> hidden)
    {
        hidden.CopyTo(_hidden.Span);
        Run("head", _head, _headBinding, 1);
    }

    public void Dispose()
    {
        _headBinding?.Dispose();
        _layers?.Dispose();
        _head?.Dispose();
        _allReduce?.Dispose();
        foreach ((OrtValue hidden, OrtValue result) in _streams.Values)
        {
            hidden.Dispose();
            result.Dispose();
        }

        _lastPosition?.Dispose();
        _sequenceLength?.Dispose();
        _logitsValue?.Dispose();
        _runOptions.Dispose();
        _memory.Dispose();
        NativeMemory.Free(_lengths);
        _hidden.Dispose();
        _result.Dispose();
        _logits.Dispose();
    }

    private void Run(string graph, InferenceSession session, OrtIoBinding binding, int tokens)
    {
        _allReduce?.Begin(tokens);
        try
        {
            session.RunWithBinding(_runOptions, binding);
        }
        catch (OnnxRuntimeException error)
        {
            _allReduce?.ThrowFailure();
            throw new BackendException($"Rank {_rank}, graph '{graph}': {error.Message}", error);
        }
    }

    private (OrtValue Hidden, OrtValue Result) StreamOf(int tokens)
    {
        if (!_streams.TryGetValue(tokens, out (OrtValue Hidden, OrtValue Result) stream))
        {
            stream = (Value(_hidden.Address, 1, tokens, _hiddenSize), Value(_result.Address, 1, tokens, _hiddenSize));
            _streams.Add(tokens, stream);
        }

        return stream;
    }

    private OrtValue Value(float* address, params long[] shape)
    {
        long count = 1;
        foreach (long dimension in shape)
        {
            count *= dimension;
        }

        return OrtValue.CreateTensorValueWithData(_memory, TensorElementType.Float, shape, (nint)address, count * sizeof(float));
    }

    private static SessionOptions CreateOptions(int threadCount) => new()
    {
        // The graphs are written in the form in which they are to run.
        GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
        ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
        IntraOpNumThreads = threadCount,
        InterOpNumThreads = 1,
        EnableMemoryPattern = false,
        LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
    };
}
