using System.Runtime.CompilerServices;
using Exo.Sdk.OnnxRuntime.Weights;

namespace Exo.Sdk.OnnxRuntime.Kernels;

/// <summary>
/// A matrix in MLX's affine packing, w = s·q + β with one s and one β per group of inputs, multiplied as it is stored:
/// y = Σ over groups of s·(Σ q·x) + β·(Σ x). Nothing is rounded but the sums.
/// </summary>
internal sealed unsafe class AffineMatrix<TLanes, TPacking>(
    int outputCount, int inputCount, int groupSize, WeightBytes words, GroupNumbers scales, GroupNumbers biases, float[]? bias)
    : WeightMatrix(outputCount, inputCount, bias), ITileSource, IAffineWeights
    where TLanes : struct, ILanes<TLanes>
    where TPacking : struct, IPacking
{
    private readonly byte* _words = words.Address;
    private readonly long _rowBytes = (long)inputCount * sizeof(uint) / TPacking.Planes;
    private readonly int _groupCount = inputCount / groupSize;

    public int Bits => 32 / TPacking.Planes;

    public int GroupSize => groupSize;

    public nint Words => (nint)_words;

    internal override long ByteCount => words.ByteCount + scales.ByteCount + biases.ByteCount;

    internal override int ArrangedLength => ProductLength + InputOrder.PaddedLength(_groupCount);

    // The groups' sums of x follow the arranged inputs.
    internal override void Arrange(float* x, float* arranged)
    {
        InputOrder.Arrange<TLanes, TPacking>(x, InputCount, arranged);
        float* sums = arranged + ProductLength;
        for (int group = 0; group < _groupCount; group++)
        {
            sums[group] = GroupSumsKernel.Sum(x + ((long)group * groupSize), groupSize);
        }
    }

    [SkipLocalsInit]
    internal override void MultiplyVector(float* arranged, float* y, int first, int end)
    {
        int scratchLength = InputOrder.PaddedLength(_groupCount);
        float* scratch = stackalloc float[2 * scratchLength];
        float* sums = arranged + ProductLength;
        for (int row = first; row < end; row++)
        {
            uint* source = (uint*)(_words + (row * _rowBytes));
            float* rowScales = scales.Read(row, 0, _groupCount, scratch);
            float* rowBiases = biases.Read(row, 0, _groupCount, scratch + scratchLength);
            int done = 0;
            float total = Dot<TLanes>(source, arranged, rowScales, ref done);
            total += Dot<Lanes128>(source, arranged, rowScales, ref done);
            y[row] = total + Dot(rowBiases, sums, _groupCount);
        }
    }

    internal override void MultiplyTile(float* arranged, int tokens, float* y, int first, int end) =>
        TileProduct.Multiply<TLanes, AffineMatrix<TLanes, TPacking>>(
            this, arranged, ArrangedLength, ProductLength, tokens, y, OutputCount, first, end);

    [SkipLocalsInit]
    public void Unpack(int row, int first, int count, float* tile)
    {
        const int GroupsPerTile = TileProduct.Depth / MatrixFactory.SmallestGroup;
        float* scratch = stackalloc float[2 * GroupsPerTile];
        uint* source = (uint*)(_words + (row * _rowBytes));
        int end = Math.Min(first + count, InputCount);
        int firstGroup = first / groupSize;
        int groups = ((end - 1) / groupSize) + 1 - firstGroup;
        float* rowScales = scales.Read(row, firstGroup, groups, scratch) - firstGroup;
        float* rowBiases = biases.Read(row, firstGroup, groups, scratch + GroupsPerTile) - firstGroup;
        int done = first;
        Unpack<TLanes>(source, rowScales, rowBiases, end, tile - first, ref done);
        Unpack<Lanes128>(source, rowScales, rowBiases, end, tile - first, ref done);
        new Span<float>(tile + done - first, count - (done - first)).Clear();
    }

    internal override void ReadRow(int row, Span<float> destination)
    {
        float* scratch = stackalloc float[2 * InputOrder.PaddedLength(_groupCount)];
        byte* source = _words + (row * _rowBytes);
        float* rowScales = scales.Read(row, 0, _groupCount, scratch);
        float* rowBiases = biases.Read(row, 0, _groupCount, scratch + InputOrder.PaddedLength(_groupCount));
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = (rowScales[i / groupSize] * TPacking.Value(source, i)) + rowBiases[i / groupSize];
        }
    }

    public void ReadGroups(int row, Span<float> rowScales, Span<float> rowBiases)
    {
        float* scratch = stackalloc float[InputOrder.PaddedLength(_groupCount)];
        new ReadOnlySpan<float>(scales.Read(row, 0, _groupCount, scratch), _groupCount).CopyTo(rowScales);
        new ReadOnlySpan<float>(biases.Read(row, 0, _groupCount, scratch), _groupCount).CopyTo(rowBiases);
    }

    protected override void Dispose(bool disposing)
    {
        words.Dispose();
        scales.Dispose();
        biases.Dispose();
    }

    private float Dot<T>(uint* words, float* x, float* rowScales, ref int done)
        where T : struct, ILanes<T>
    {
        int block = T.Count * TPacking.Planes;
        int lanesPerGroup = groupSize / TPacking.Planes;
        T total = T.Zero;
        int start = done;
        for (; done + block <= InputCount; done += block)
        {
            uint* source = words + (done / TPacking.Planes);
            Prefetch.Ahead(source);
            T sum = SumBlock<T>(T.LoadWords(source), x + done);
            total = T.MultiplyAdd(sum, T.Spread(rowScales + (done / groupSize), lanesPerGroup), total);
        }

        return done == start ? 0 : T.Sum(total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T SumBlock<T>(T words, float* x)
        where T : struct, ILanes<T>
    {
        T even = T.Multiply(TPacking.Plane(words, 0), T.Load(x));
        T odd = T.Multiply(TPacking.Plane(words, 1), T.Load(x + T.Count));
        even = T.MultiplyAdd(TPacking.Plane(words, 2), T.Load(x + (2 * T.Count)), even);
        odd = T.MultiplyAdd(TPacking.Plane(words, 3), T.Load(x + (3 * T.Count)), odd);
        if (TPacking.Planes == 8)
        {
            even = T.MultiplyAdd(TPacking.Plane(words, 4), T.Load(x + (4 * T.Count)), even);
            odd = T.MultiplyAdd(TPacking.Plane(words, 5), T.Load(x + (5 * T.Count)), odd);
            even = T.MultiplyAdd(TPacking.Plane(words, 6), T.Load(x + (6 * T.Count)), even);
            odd = T.MultiplyAdd(TPacking.Plane(words, 7), T.Load(x + (7 * T.Count)), odd);
        }

        return T.Add(even, odd);
    }

    private static float Dot(float* a, float* b, int count)
    {
        TLanes sum = TLanes.Zero;
        int i = 0;
        for (; i + TLanes.Count <= count; i += TLanes.Count)
        {
            sum = TLanes.MultiplyAdd(TLanes.Load(a + i), TLanes.Load(b + i), sum);
        }

        float total = i == 0 ? 0 : TLanes.Sum(sum);
        for (; i < count; i++)
        {
            total += a[i] * b[i];
        }

        return total;
    }

    private void Unpack<T>(uint* words, float* rowScales, float* rowBiases, int end, float* tile, ref int done)
        where T : struct, ILanes<T>
    {
        int block = T.Count * TPacking.Planes;
        int lanesPerGroup = groupSize / TPacking.Planes;
        for (; done + block <= end; done += block)
        {
            T register = T.LoadWords(words + (done / TPacking.Planes));
            T scale = T.Spread(rowScales + (done / groupSize), lanesPerGroup);
            T offset = T.Spread(rowBiases + (done / groupSize), lanesPerGroup);
            float* target = tile + done;
            UnpackPlane<T>(register, scale, offset, 0, target);
            UnpackPlane<T>(register, scale, offset, 1, target);
            UnpackPlane<T>(register, scale, offset, 2, target);
            UnpackPlane<T>(register, scale, offset, 3, target);
            if (TPacking.Planes == 8)
            {
                UnpackPlane<T>(register, scale, offset, 4, target);
                UnpackPlane<T>(register, scale, offset, 5, target);
                UnpackPlane<T>(register, scale, offset, 6, target);
                UnpackPlane<T>(register, scale, offset, 7, target);
            }
        }
    }

    // The inputs carry InputScale and the field its inverse, so β needs the inverse too. The plane is a constant at every call.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void UnpackPlane<T>(T words, T scale, T offset, int plane, float* target)
        where T : struct, ILanes<T>
    {
        T scaledOffset = T.Multiply(offset, T.Broadcast(1 / TPacking.InputScale(plane)));
        T.Store(T.MultiplyAdd(TPacking.Plane(words, plane), scale, scaledOffset), target + (plane * T.Count));
    }
}
