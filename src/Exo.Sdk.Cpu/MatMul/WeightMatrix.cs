namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// A rank's part of a matrix <c>[outputs, inputs]</c> in panels, and the products over it: y = W·x + b. Immutable once it is filled; any
/// number of threads may compute with it.
/// </summary>
internal abstract unsafe class WeightMatrix(int outputCount, int inputCount, float[]? bias) : IDisposable
{
    internal int OutputCount { get; } = outputCount;

    internal int InputCount { get; } = inputCount;

    /// <summary>b, or null where there is none.</summary>
    internal float[]? Bias { get; } = bias;

    /// <summary>Outputs of a panel.</summary>
    internal abstract int PanelWidth { get; }

    /// <summary>The panels; the last one is filled up with zero rows.</summary>
    internal int PanelCount => (OutputCount + PanelWidth - 1) / PanelWidth;

    /// <summary>What the matrix takes in memory.</summary>
    internal abstract long ByteCount { get; }

    /// <summary>How inputs are wanted.</summary>
    internal abstract InputForm Form { get; }

    /// <summary>Bytes of one token's arranged inputs.</summary>
    internal abstract int ArrangedBytes { get; }

    /// <summary>Whether inputs of so many tokens must be arranged.</summary>
    internal abstract bool WantsArranged(int tokens);

    /// <summary>Puts one token's inputs into the matrix's form.</summary>
    internal abstract void Arrange(float* x, byte* arranged);

    /// <summary>Computes some panels' outputs, the bias included.</summary>
    /// <param name="input">The inputs.</param>
    /// <param name="output">Where to.</param>
    /// <param name="first">The first panel; even, unless it is the end.</param>
    /// <param name="end">One past the last panel.</param>
    /// <param name="scratch">Memory of the calling thread, <see cref="Tile.ByteCount"/>.</param>
    internal void Multiply(in MatMulInput input, in MatMulOutput output, int first, int end, byte* scratch)
    {
        if (first >= end)
        {
            return;
        }

        Compute(input, output, first, end, scratch);
        if (Bias is not null)
        {
            int start = first * PanelWidth;
            int count = Math.Min(end * PanelWidth, OutputCount) - start;
            for (int token = 0; token < input.Tokens; token++)
            {
                float* y = output.Y + ((long)token * output.Stride);
                for (int i = start; i < start + count; i++)
                {
                    y[i] += Bias[i];
                }
            }
        }
    }

    /// <summary>Writes a row's weights in their natural order, as the embedding needs them.</summary>
    internal abstract void ReadRow(int row, Span<float> destination);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Compute(in MatMulInput input, in MatMulOutput output, int first, int end, byte* scratch);

    protected abstract void Dispose(bool disposing);
}
