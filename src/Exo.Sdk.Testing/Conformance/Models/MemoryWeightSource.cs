using System.Runtime.InteropServices;
using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>Weights held in memory, as bytes in their stored element type. Reading is thread-safe.</summary>
public sealed class MemoryWeightSource : WeightSource
{
    private readonly Dictionary<string, (TensorInfo Info, byte[] Data)> _tensors = [];
    private readonly List<GCHandle> _pins = [];
    private long _bytesRead;

    /// <summary>Whether contiguous slices are offered without a copy.</summary>
    public bool IsMapped { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <inheritdoc/>
    public override long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Adds a tensor, in place of one of the same name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="data">Its bytes, which are kept.</param>
    /// <param name="shape">Its dimensions, outermost first.</param>
    /// <exception cref="ArgumentException">The bytes are not as many as the elements take.</exception>
    public void Add(string name, ElementType type, byte[] data, params int[] shape)
    {
        TensorInfo info = new(name, type, [.. shape]);
        if (info.ElementCount * type.SizeInBytes() != data.Length)
        {
            throw new ArgumentException($"{name} has {data.Length} bytes for {info.ElementCount} elements.");
        }

        _tensors[name] = (info, data);
    }

    /// <summary>Removes a tensor.</summary>
    /// <param name="name">Its name.</param>
    public void Remove(string name) => _tensors.Remove(name);

    /// <summary>A tensor's bytes.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The bytes themselves, not a copy.</returns>
    public byte[] Data(string name) => _tensors[name].Data;

    /// <inheritdoc/>
    public override bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public override TensorInfo Describe(string name) => _tensors.TryGetValue(name, out var tensor)
        ? tensor.Info
        : throw new ModelFormatException("memory", "there is no such tensor", tensor: name);

    /// <inheritdoc/>
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

        if (written != destination.Length)
        {
            throw new ArgumentException($"{name}: the slice has {written} bytes and the destination {destination.Length}.", nameof(destination));
        }

        Interlocked.Add(ref _bytesRead, written);
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
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

    /// <summary>A stored number.</summary>
    /// <param name="type">A floating-point type.</param>
    /// <param name="data">Where it is stored.</param>
    /// <param name="index">Which number.</param>
    /// <returns>The number.</returns>
    public static float Number(ElementType type, byte[] data, int index) => type switch
    {
        ElementType.Float32 => BitConverter.ToSingle(data, index * 4),
        ElementType.Float16 => (float)BitConverter.ToHalf(data, index * 2),
        ElementType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(data, index * 2) << 16),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Numbers as they are stored.</summary>
    /// <param name="type">A floating-point type.</param>
    /// <param name="values">The numbers.</param>
    /// <returns>Their bytes.</returns>
    public static byte[] Store(ElementType type, float[] values) => type switch
    {
        ElementType.Float32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
        ElementType.Float16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)).ToArray(),
        ElementType.BFloat16 => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _pins.ForEach(pin => pin.Free());
        base.Dispose(disposing);
    }
}
