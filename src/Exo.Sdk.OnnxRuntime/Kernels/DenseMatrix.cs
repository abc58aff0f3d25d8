using System.Runtime.CompilerServices;
using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>A matrix of plain numbers in their stored element type, widened to single precision inside the product.</summary>
internal sealed unsafe class DenseMatrix<TLanes, TPacking>(
    int outputCount, int inputCount, WeightBytes weights, float[]? bias)
    : WeightMatrix(outputCount, inputCount, bias), ITileSource
    where TLanes : struct, ILanes<TLanes>
    where TPacking : struct, IPacking
{
    private readonly byte* _weights = weights.Address;
    private readonly long _rowBytes = (long)inputCount * sizeof(uint) / TPacking.Planes;

    internal override long ByteCount => weights.ByteCount;

    internal override void Arrange(float* x, float* arranged) => InputOrder.Arrange<TLanes, TPacking>(x, InputCount, arranged);

    internal override void MultiplyVector(float* arranged, float* y, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            byte* source = _weights + (row * _rowBytes);
            int done = 0;
            float sum = Dot<TLanes>(source, arranged, ref done);
            sum += Dot<Lanes128>(source, arranged, ref done);
            for (; done < InputCount; done++)
            {
                sum += TPacking.Value(source, done) * arranged[done];
            }

            y[row] = sum;
        }
    }

    internal override void MultiplyTile(float* arranged, int tokens, float* y, int first, int end) =>
        TileProduct.Multiply<TLanes, DenseMatrix<TLanes, TPacking>>(
            this, arranged, ArrangedLength, ProductLength, tokens, y, OutputCount, first, end);

    public void Unpack(int row, int first, int count, float* tile)
    {
        byte* source = _weights + (row * _rowBytes);
        int end = Math.Min(first + count, InputCount);
        int done = first;
        Unpack<TLanes>(source, end, tile - first, ref done);
        Unpack<Lanes128>(source, end, tile - first, ref done);
        for (; done < end; done++)
        {
            tile[done - first] = TPacking.Value(source, done);
        }

        new Span<float>(tile + done - first, count - (done - first)).Clear();
    }

    internal override void ReadRow(int row, Span<float> destination)
    {
        byte* source = _weights + (row * _rowBytes);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = TPacking.Value(source, i);
        }
    }

    protected override void Dispose(bool disposing) => weights.Dispose();

    private static void Unpack<T>(byte* source, int end, float* tile, ref int done)
        where T : struct, ILanes<T>
    {
        int block = T.Count * TPacking.Planes;
        for (; done + block <= end; done += block)
        {
            T words = T.LoadWords((uint*)(source + ((long)done * sizeof(uint) / TPacking.Planes)));
            T.Store(TPacking.Plane(words, 0), tile + done);
            if (TPacking.Planes == 2)
            {
                T.Store(TPacking.Plane(words, 1), tile + done + T.Count);
            }
        }
    }

    // Four sums at a time hide the latency of a multiply-add.
    private float Dot<T>(byte* source, float* arranged, ref int done)
        where T : struct, ILanes<T>
    {
        int block = T.Count * TPacking.Planes;
        T sum0 = T.Zero, sum1 = T.Zero, sum2 = T.Zero, sum3 = T.Zero;
        uint* words = (uint*)(source + ((long)done * sizeof(uint) / TPacking.Planes));
        float* x = arranged + done;
        for (; done + (4 * block) <= InputCount; done += 4 * block)
        {
            Prefetch.Ahead(words);
            Prefetch.Ahead(words + T.Count);
            Prefetch.Ahead(words + (2 * T.Count));
            Prefetch.Ahead(words + (3 * T.Count));
            sum0 = AddBlock(T.LoadWords(words), x, sum0);
            sum1 = AddBlock(T.LoadWords(words + T.Count), x + block, sum1);
            sum2 = AddBlock(T.LoadWords(words + (2 * T.Count)), x + (2 * block), sum2);
            sum3 = AddBlock(T.LoadWords(words + (3 * T.Count)), x + (3 * block), sum3);
            words += 4 * T.Count;
            x += 4 * block;
        }

        for (; done + block <= InputCount; done += block)
        {
            sum0 = AddBlock(T.LoadWords(words), x, sum0);
            words += T.Count;
            x += block;
        }

        return T.Sum(T.Add(T.Add(sum0, sum1), T.Add(sum2, sum3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T AddBlock<T>(T words, float* x, T sum)
        where T : struct, ILanes<T>
    {
        sum = T.MultiplyAdd(TPacking.Plane(words, 0), T.Load(x), sum);
        if (TPacking.Planes == 2)
        {
            sum = T.MultiplyAdd(TPacking.Plane(words, 1), T.Load(x + T.Count), sum);
        }

        return sum;
    }
}
