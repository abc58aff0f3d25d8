using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Exo.Sdk.OnnxRuntime.Native;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>The node y = W·x + b, for <c>[1, tokens, inputs]</c>, its outputs divided among the session's threads.</summary>
internal sealed unsafe class LinearKernel(WeightMatrix matrix, StepState state) : GraphKernel
{
    // Several pieces a thread even out threads that are held up; a piece is still long enough to be worth handing out.
    private const int PiecesPerThread = 4;
    private const int MinimumPiece = 16;

    // Up to this many tokens the tile costs more than it saves.
    private const int MaximumVectors = 4;

    internal override void Run(nint context)
    {
        int tokens = state.TokenCount;
        float* x = NativeApi.GetInput(context, 0);
        float* y = NativeApi.GetOutput(context, 0, [1, tokens, matrix.OutputCount]);
        float* arranged = state.Scratch.Address;
        for (int token = 0; token < tokens; token++)
        {
            matrix.Arrange(x + ((long)token * matrix.InputCount), arranged + ((long)token * matrix.ArrangedLength));
        }

        Product product = new() { Matrix = matrix, Arranged = arranged, Tokens = tokens, Y = y };
        if (state.ThreadCount == 1)
        {
            product.Compute(0, matrix.OutputCount);
            return;
        }

        int piece = (matrix.OutputCount + (state.ThreadCount * PiecesPerThread) - 1) / (state.ThreadCount * PiecesPerThread);
        product.Piece = Math.Max((piece + MinimumPiece - 1) / MinimumPiece * MinimumPiece, MinimumPiece);
        int pieces = (matrix.OutputCount + product.Piece - 1) / product.Piece;
        NativeApi.ParallelFor(context, &ComputePiece, pieces, Unsafe.AsPointer(ref product));
        product.Failure?.Throw();
    }

    internal override void Fail(Exception error) => state.Failure ??= ExceptionDispatchInfo.Capture(error);

    // The product lies on the stack of the thread in Run, which waits until every piece is done.
    [UnmanagedCallersOnly]
    private static void ComputePiece(void* data, nuint index)
    {
        ref Product product = ref Unsafe.AsRef<Product>(data);
        try
        {
            int first = (int)index * product.Piece;
            product.Compute(first, Math.Min(first + product.Piece, product.Matrix.OutputCount));
        }
        catch (Exception error)
        {
            product.Failure = ExceptionDispatchInfo.Capture(error);
        }
    }

    private struct Product
    {
        public WeightMatrix Matrix;
        public float* Arranged;
        public int Tokens;
        public float* Y;
        public int Piece;
        public ExceptionDispatchInfo? Failure;

        public readonly void Compute(int first, int end)
        {
            if (Tokens <= MaximumVectors)
            {
                MultiplyVectors(first, end);
            }
            else
            {
                Matrix.MultiplyTile(Arranged, Tokens, Y, first, end);
            }

            if (Matrix.Bias is { } bias)
            {
                for (int token = 0; token < Tokens; token++)
                {
                    float* y = Y + ((long)token * Matrix.OutputCount);
                    for (int i = first; i < end; i++)
                    {
                        y[i] += bias[i];
                    }
                }
            }
        }

        // A few rows at a time, so that the second token finds their weights in the first-level cache.
        private readonly void MultiplyVectors(int first, int end)
        {
            int rows = Tokens == 1 ? end - first : MinimumPiece;
            for (int row = first; row < end; row += rows)
            {
                for (int token = 0; token < Tokens; token++)
                {
                    Matrix.MultiplyVector(
                        Arranged + ((long)token * Matrix.ArrangedLength),
                        Y + ((long)token * Matrix.OutputCount),
                        row,
                        Math.Min(row + rows, end));
                }
            }
        }
    }
}
