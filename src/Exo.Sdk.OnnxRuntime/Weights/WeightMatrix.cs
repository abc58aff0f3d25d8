namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>A rank's part of a matrix <c>[outputs, inputs]</c> in the form that ONNX Runtime is given. Immutable after construction.</summary>
internal abstract class WeightMatrix(int outputCount, int inputCount, float[]? bias) : IDisposable
{
    internal int OutputCount { get; } = outputCount;

    internal int InputCount { get; } = inputCount;

    /// <summary>b of y = W·x + b, or null where there is none.</summary>
    internal float[]? Bias { get; } = bias;

    /// <summary>What the matrix takes in memory, mapped pages included.</summary>
    internal abstract long ByteCount { get; }

    /// <summary>Writes a row's weights, as the embedding needs them.</summary>
    internal abstract void ReadRow(int row, Span<float> destination);

    public abstract void Dispose();
}
