using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.MatMul;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>Attention as two tile products with the softmax between: scores = Q·Kᵀ, result = softmax(scores)·V.</summary>
internal sealed unsafe class TiledAttention<TLanes, TVector, TFormat>(CacheShape shape) : AttentionKernel(shape)
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
    where TFormat : struct, IKeyValueFormat
{
    // One register more than the head needs, because a tile product writes two panels.
    private int OutputStride => Shape.ValueWidth + TLanes.Count;

    // Scores begin and end with whole tiles, which may be one more than there are places.
    internal override long ScratchBytes =>
        Tile.ByteCount + (RowsAtOnce * ((long)Shape.HeadSize + OutputStride + Shape.Capacity + Shape.TilePositions) * sizeof(float));

    internal override void Append(byte* head, int position, float* key, float* value)
    {
        int place = position % Shape.Capacity;
        float* scales = (float*)(head + Shape.ScaleOffset) + place;
        float keyFactor = SetScale(scales, key);
        byte* keys = head + ((((long)(place / TLanes.Count) * Shape.HeadSize * TLanes.Count) + (place % TLanes.Count)) * TFormat.ElementBytes);
        for (int i = 0; i < Shape.HeadSize; i++)
        {
            TFormat.Store(key[i] * keyFactor, keys + ((long)i * TLanes.Count * TFormat.ElementBytes));
        }

        float valueFactor = SetScale(scales + Shape.Capacity, value);
        byte* values = head + Shape.ValueOffset + ((long)place * Shape.ValueWidth * TFormat.ElementBytes);
        for (int i = 0; i < Shape.HeadSize; i++)
        {
            TFormat.Store(value[i] * valueFactor, values + (i * TFormat.ElementBytes));
        }
    }

    internal override void Attend(byte* head, in QueryRows rows, byte* scratch)
    {
        float* tile = (float*)scratch;
        float* queries = (float*)(scratch + Tile.ByteCount);
        float* results = queries + (RowsAtOnce * Shape.HeadSize);
        float* scores = results + (RowsAtOnce * OutputStride);
        int start = rows.Start(0) / Shape.TilePositions * Shape.TilePositions;
        int end = rows.End(rows.Count - 1);
        int stride = (end - start + Shape.TilePositions - 1) / Shape.TilePositions * Shape.TilePositions;
        for (int row = 0; row < rows.Count; row++)
        {
            float* query = rows.Query(row, Shape.HeadSize);
            for (int i = 0; i < Shape.HeadSize; i++)
            {
                queries[(row * Shape.HeadSize) + i] = query[i] * rows.Scale;
            }
        }

        Score(head, start, stride, queries, rows.Count, scores, tile);
        for (int row = 0; row < rows.Count; row++)
        {
            float total = Softmax(scores + ((long)row * stride), rows.Start(row) - start, rows.End(row) - start, stride);
            results[(row * OutputStride) + Shape.ValueWidth] = 1 / total;
        }

        Mix(head, start, end - start, scores, stride, rows.Count, results, tile);
        for (int row = 0; row < rows.Count; row++)
        {
            float* output = rows.Output(row, Shape.HeadSize);
            float* result = results + (row * OutputStride);
            for (int i = 0; i < Shape.HeadSize; i++)
            {
                output[i] = result[i] * result[Shape.ValueWidth];
            }
        }
    }

    private float SetScale(float* scale, float* values)
    {
        if (!TFormat.HasScales)
        {
            return 1;
        }

        float divisor = TFormat.ScaleOf(values, Shape.HeadSize);
        *scale = divisor * TFormat.LoadFactor;
        return divisor > 0 ? 1 / divisor : 0;
    }

    // Q·Kᵀ for all positions from start on, a tile of positions at a time.
    private void Score(byte* head, int start, int length, float* queries, int rows, float* scores, float* tile)
    {
        int panelBytes = Shape.HeadSize * TLanes.Count * TFormat.ElementBytes;
        for (int position = 0; position < length; position += Shape.TilePositions)
        {
            int place = (start + position) % Shape.Capacity;
            byte* keys = head + ((long)(place / TLanes.Count) * panelBytes);
            float* scales = (float*)(head + Shape.ScaleOffset) + place;
            for (int first = 0; first < Shape.HeadSize; first += Tile.Depth)
            {
                int depth = Math.Min(Tile.Depth, Shape.HeadSize - first);
                byte* source = keys + ((long)first * TLanes.Count * TFormat.ElementBytes);
                UnpackKeys(source, depth, scales, tile);
                UnpackKeys(source + panelBytes, depth, scales + TLanes.Count, tile + TLanes.Count);
                TileMatMul<TLanes, TVector>.Multiply(
                    tile, depth, queries + first, Shape.HeadSize, rows, new(scores + position, length, first > 0, hasSecond: true));
            }
        }
    }

    // softmax(scores)·V, a tile of positions by elements at a time.
    private void Mix(byte* head, int start, int length, float* scores, int stride, int rows, float* results, float* tile)
    {
        byte* values = head + Shape.ValueOffset;
        float* scales = (float*)(head + Shape.ScaleOffset) + Shape.Capacity;
        for (int element = 0; element < Shape.ValueWidth; element += Tile.Panels * TLanes.Count)
        {
            bool hasSecond = element + TLanes.Count < Shape.ValueWidth;
            for (int position = 0, depth; position < length; position += depth)
            {
                int place = (start + position) % Shape.Capacity;
                depth = Math.Min(Math.Min(Tile.Depth, length - position), Shape.Capacity - place);
                byte* source = values + ((((long)place * Shape.ValueWidth) + element) * TFormat.ElementBytes);
                UnpackValues(source, depth, scales + place, tile, hasSecond);
                TileMatMul<TLanes, TVector>.Multiply(
                    tile, depth, scores + position, stride, rows, new(results + element, OutputStride, position > 0, hasSecond));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UnpackKeys(byte* source, int depth, float* scales, float* tile)
    {
        TVector scale = TFormat.HasScales ? TLanes.Load(scales) : TLanes.Zero;
        for (int i = 0; i < depth; i++)
        {
            Prefetch.Ahead(source);
            TVector key = TFormat.Load<TLanes, TVector>(source);
            TLanes.Store(TFormat.HasScales ? TLanes.Multiply(key, scale) : key, tile);
            source += TLanes.Count * TFormat.ElementBytes;
            tile += Tile.Panels * TLanes.Count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void UnpackValues(byte* source, int depth, float* scales, float* tile, bool hasSecond)
    {
        int rowBytes = Shape.ValueWidth * TFormat.ElementBytes;
        for (int i = 0; i < depth; i++)
        {
            TVector scale = TFormat.HasScales ? TLanes.Broadcast(scales[i]) : TLanes.Zero;
            Prefetch.Ahead(source);
            TVector first = TFormat.Load<TLanes, TVector>(source);
            TLanes.Store(TFormat.HasScales ? TLanes.Multiply(first, scale) : first, tile);
            if (hasSecond)
            {
                TVector second = TFormat.Load<TLanes, TVector>(source + (TLanes.Count * TFormat.ElementBytes));
                TLanes.Store(TFormat.HasScales ? TLanes.Multiply(second, scale) : second, tile + TLanes.Count);
            }

            source += rowBytes;
            tile += Tile.Panels * TLanes.Count;
        }
    }

    /// <summary>Turns scores into e^(score − largest), and those that are not seen into zeros; returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Softmax(float* scores, int first, int end, int length)
    {
        new Span<float>(scores, first).Fill(float.NegativeInfinity);
        new Span<float>(scores + end, length - end).Fill(float.NegativeInfinity);
        TVector largest = TLanes.Broadcast(float.NegativeInfinity);
        for (int i = 0; i < length; i += TLanes.Count)
        {
            largest = TLanes.Max(largest, TLanes.Load(scores + i));
        }

        TVector top = TLanes.Broadcast(TLanes.MaxAcross(largest));
        TVector sum = TLanes.Zero;
        for (int i = 0; i < length; i += TLanes.Count)
        {
            TVector value = TLanes.Exp(TLanes.Subtract(TLanes.Load(scores + i), top));
            sum = TLanes.Add(sum, value);
            TLanes.Store(value, scores + i);
        }

        return TLanes.Sum(sum);
    }
}
