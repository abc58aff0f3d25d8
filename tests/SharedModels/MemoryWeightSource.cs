using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.Tests.SharedModels;

/// <summary>Weights held in memory, as bytes in their stored element type. Reading is thread-safe.</summary>
internal sealed class MemoryWeightSource : WeightSource
{
    private readonly Dictionary<string, (TensorInfo Info, byte[] Data)> _tensors = [];
    private readonly List<GCHandle> _pins = [];
    private long _bytesRead;

    /// <summary>Whether contiguous slices are offered without a copy.</summary>
    public bool IsMapped { get; init; }

    public override IReadOnlyCollection<string> Names => _tensors.Keys;

    public override long BytesRead => Interlocked.Read(ref _bytesRead);

    public void Add(string name, ElementType type, byte[] data, params int[] shape)
    {
        TensorInfo info = new(name, type, [.. shape]);
        if (info.ElementCount * type.SizeInBytes() != data.Length)
        {
            throw new ArgumentException($"{name} has {data.Length} bytes for {info.ElementCount} elements.");
        }

        _tensors[name] = (info, data);
    }

    public void Remove(string name) => _tensors.Remove(name);

    public byte[] Data(string name) => _tensors[name].Data;

    public override bool Contains(string name) => _tensors.ContainsKey(name);

    public override TensorInfo Describe(string name) => _tensors.TryGetValue(name, out var tensor)
        ? tensor.Info
        : throw new ModelFormatException("memory", "there is no such tensor", tensor: name);

    public override void Read(string name, in TensorSlice slice, Span<byte> destination)
    {
        (TensorInfo info, byte[] data) = _tensors[name];
        int size = info.Type.SizeInBytes();
        int columns = info.Shape.Length == 1 ? 1 : info.Shape[1];
        IndexRange taken = slice.Columns ?? IndexRange.All(columns);
        int written = 0;
        foreach (IndexRange range in slice.Rows)
        {
            for (int row = range.Start; row < range.End; row++)
            {
                Span<byte> source = data.AsSpan(((row * columns) + taken.Start) * size, taken.Count * size);
                source.CopyTo(destination[written..]);
                written += source.Length;
            }
        }

        written.Should().Be(destination.Length);
        Interlocked.Add(ref _bytesRead, written);
    }

    public override void ReadFloat32(string name, in TensorSlice slice, Span<float> destination)
    {
        ElementType type = _tensors[name].Info.Type;
        byte[] bytes = new byte[destination.Length * type.SizeInBytes()];
        Read(name, slice, bytes);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Number(type, bytes, i);
        }
    }

    public override bool TryMap(string name, in TensorSlice slice, out MappedBytes bytes)
    {
        bytes = default;
        (TensorInfo info, byte[] data) = _tensors[name];
        int columns = info.Shape.Length == 1 ? 1 : info.Shape[1];
        if (!IsMapped || slice.Rows.Length != 1 || (slice.Columns is { } part && part != IndexRange.All(columns)))
        {
            return false;
        }

        GCHandle pin = GCHandle.Alloc(data, GCHandleType.Pinned);
        _pins.Add(pin);
        int rowBytes = columns * info.Type.SizeInBytes();
        bytes = new MappedBytes(pin.AddrOfPinnedObject() + (slice.Rows[0].Start * rowBytes), (long)slice.Rows[0].Count * rowBytes);
        return true;
    }

    public static float Number(ElementType type, byte[] data, int index) => type switch
    {
        ElementType.Float32 => BitConverter.ToSingle(data, index * 4),
        ElementType.Float16 => (float)BitConverter.ToHalf(data, index * 2),
        ElementType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(data, index * 2) << 16),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Numbers as they are stored.</summary>
    public static byte[] Store(ElementType type, float[] values) => type switch
    {
        ElementType.Float32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
        ElementType.Float16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)).ToArray(),
        ElementType.BFloat16 => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    protected override void Dispose(bool disposing)
    {
        _pins.ForEach(pin => pin.Free());
        base.Dispose(disposing);
    }
}
