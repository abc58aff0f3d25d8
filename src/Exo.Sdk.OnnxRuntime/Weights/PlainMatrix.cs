namespace Exo.Sdk.OnnxRuntime.Weights;

/// <summary>A matrix of single-precision weights.</summary>
internal sealed unsafe class PlainMatrix(int outputCount, int inputCount, WeightBytes weights, float[]? bias)
    : WeightMatrix(outputCount, inputCount, bias)
{
    /// <summary><c>[outputs, inputs]</c>.</summary>
    internal WeightBytes Weights => weights;

    internal override long ByteCount => weights.ByteCount;

    internal override void ReadRow(int row, Span<float> destination) =>
        new ReadOnlySpan<float>((float*)weights.Address + ((long)row * InputCount), InputCount).CopyTo(destination);

    public override void Dispose() => weights.Dispose();
}
