
namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// A rank's part of a matrix <c>[outputs, inputs]</c> in the form it is stored in, and the products over it: y = W·x + b.
/// Immutable after construction; any number of threads may compute with it.
/// </summary>
internal abstract unsafe class WeightMatrix(int outputCount, int inputCount, float[]? bias) : IDisposable
{
    internal int OutputCount { get; } = outputCount;

    internal int InputCount { get; } = inputCount;

    /// <summary>b, or null where there is none.</summary>
    internal float[]? Bias { get; } = bias;

    /// <summary>What the matrix takes in memory, mapped pages included.</summary>
    internal abstract long ByteCount { get; }

    /// <summary>The values of a token's arranged inputs that take part in the product.</summary>
    internal int ProductLength => InputOrder.PaddedLength(InputCount);

    /// <summary>The floats that <see cref="Arrange"/> writes for one token.</summary>
    internal virtual int ArrangedLength => ProductLength;

    /// <summary>Puts one token's inputs into the kernel's order.</summary>
    internal abstract void Arrange(float* x, float* arranged);

    /// <summary>Computes some outputs of one token, without the bias.</summary>
    /// <param name="arranged">The token's arranged inputs.</param>
    /// <param name="y">All outputs.</param>
    /// <param name="first">The first output.</param>
    /// <param name="end">One past the last output.</param>
    internal abstract void MultiplyVector(float* arranged, float* y, int first, int end);

    /// <summary>Computes some outputs of several tokens, without the bias.</summary>
    internal abstract void MultiplyTile(float* arranged, int tokens, float* y, int first, int end);

    /// <summary>Writes a row's weights in their natural order, as the embedding needs them.</summary>
    internal abstract void ReadRow(int row, Span<float> destination);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>A matrix that unpacks some of its weights into a tile, which all tokens then share.</summary>
internal interface ITileSource
{
    /// <summary>Writes a row's weights from one arranged input on, in arranged order and divided by the inputs' scales; zeros for padding.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The first arranged input, a multiple of <see cref="TileProduct.Depth"/>.</param>
    /// <param name="count">How many, a multiple of <see cref="InputOrder.Padding"/>.</param>
    /// <param name="tile">Where to.</param>
    unsafe void Unpack(int row, int first, int count, float* tile);
}
