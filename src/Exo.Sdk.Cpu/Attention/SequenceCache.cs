using Exo.Sdk.Backends;
using Exo.Sdk.Cpu.Memory;

namespace Exo.Sdk.Cpu.Attention;

/// <summary>The keys and values of one sequence. The system gives memory page by page as positions are filled.</summary>
internal sealed unsafe class SequenceCache(CacheShape shape) : ISequenceCache
{
    private readonly NativeBlock _block = new(shape.ByteCount, hugePages: false);

    /// <summary>Positions filled.</summary>
    public int Length { get; set; }

    public long ByteCount => _block.ByteCount;

    /// <summary>One head of one layer.</summary>
    internal byte* Head(int layer, int head) => _block.Bytes + ((((long)layer * shape.Heads) + head) * shape.HeadBytes);

    /// <summary>Takes over another cache's positions.</summary>
    internal void CopyFrom(SequenceCache source)
    {
        Length = source.Length;
        long keys = (long)(Length + shape.Lanes - 1) / shape.Lanes * shape.Lanes * shape.HeadSize * shape.ElementBytes;
        long values = (long)Length * shape.ValueWidth * shape.ElementBytes;
        for (int head = 0; head < shape.Layers * shape.Heads; head++)
        {
            byte* from = source._block.Bytes + (head * shape.HeadBytes);
            byte* to = _block.Bytes + (head * shape.HeadBytes);
            Copy(from, to, keys);
            Copy(from + shape.ValueOffset, to + shape.ValueOffset, values);
            if (shape.HasScales)
            {
                long scales = shape.ScaleOffset;
                Copy(from + scales, to + scales, Length * sizeof(float));
                scales += (long)shape.PaddedContext * sizeof(float);
                Copy(from + scales, to + scales, Length * sizeof(float));
            }
        }
    }

    public void Dispose() => _block.Dispose();

    private static void Copy(byte* from, byte* to, long byteCount) => Buffer.MemoryCopy(from, to, byteCount, byteCount);
}
