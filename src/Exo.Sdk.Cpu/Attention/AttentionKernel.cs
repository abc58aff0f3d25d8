namespace Exo.Sdk.Cpu.Attention;

/// <summary>Softmax attention over a cache, for some query rows of one key-value head. Any number of threads may compute with it.</summary>
internal abstract unsafe class AttentionKernel(CacheShape shape)
{
    /// <summary>Query rows that share each read of keys and values.</summary>
    internal const int RowsAtOnce = 12;

    internal CacheShape Shape { get; } = shape;

    /// <summary>What a thread needs as scratch memory.</summary>
    internal abstract long ScratchBytes { get; }

    /// <summary>Writes one position's key and value.</summary>
    internal abstract void Append(byte* head, int position, float* key, float* value);

    /// <summary>Attends.</summary>
    /// <param name="head">The head's part of the cache.</param>
    /// <param name="rows">The query rows.</param>
    /// <param name="scratch">Memory of the calling thread.</param>
    internal abstract void Attend(byte* head, in QueryRows rows, byte* scratch);
}

/// <summary>Query rows of one key-value head. Row r belongs to token r / <c>groupSize</c> and to the head's query head r % <c>groupSize</c>.</summary>
internal readonly unsafe struct QueryRows(
    float* queries, int queryStride, float* outputs, int outputStride, int groupSize, int first, int count, int position, int window, float scale)
{
    /// <summary>The rows' number.</summary>
    internal int Count => count;

    /// <summary>The factor on scores.</summary>
    internal float Scale => scale;

    /// <summary>A row's query.</summary>
    internal float* Query(int row, int headSize) => queries + At(row, queryStride, headSize);

    /// <summary>Where a row's result goes.</summary>
    internal float* Output(int row, int headSize) => outputs + At(row, outputStride, headSize);

    /// <summary>One past the last position that a row sees.</summary>
    internal int End(int row) => position + ((first + row) / groupSize) + 1;

    /// <summary>The first position that a row sees.</summary>
    internal int Start(int row) => Math.Max(0, End(row) - window);

    private long At(int row, int stride, int headSize) =>
        ((long)((first + row) / groupSize) * stride) + ((first + row) % groupSize * headSize);
}
