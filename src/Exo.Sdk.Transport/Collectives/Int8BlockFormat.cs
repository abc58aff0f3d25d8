using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// Blocks of 32 values: a float32 scale, the largest magnitude divided by 127, and each value divided by it, rounded to a
/// signed byte (ties to even). A last block of fewer values is as much shorter. A block with an infinity or NaN has a scale of NaN.
/// </summary>
internal sealed class Int8BlockFormat : WireFormat
{
    private const int Length = 32;
    private const int ScaleBytes = sizeof(float);
    private const int Largest = sbyte.MaxValue;

    /// <summary>Below it a block's values count as zero: the inverse of its scale would overflow.</summary>
    private const float SmallestMagnitude = 1e-36f;

    /// <inheritdoc/>
    public override int BlockLength => Length;

    /// <inheritdoc/>
    public override int BlockBytes => ScaleBytes + Length;

    /// <inheritdoc/>
    public override Operation Reduce => Operation.ReduceInt8;

    /// <inheritdoc/>
    public override Operation Reduced => Operation.ReducedInt8;

    /// <inheritdoc/>
    public override int ByteCount(int length) => length + ((length + Length - 1) / Length * ScaleBytes);

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<float> values, Span<byte> wire)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wire.Length, ByteCount(values.Length));
        while (values.Length >= Length)
        {
            EncodeBlock(values[..Length], wire);
            values = values[Length..];
            wire = wire[(ScaleBytes + Length)..];
        }

        if (!values.IsEmpty)
        {
            Span<float> block = stackalloc float[Length];
            Span<byte> whole = stackalloc byte[ScaleBytes + Length];
            block.Clear();
            values.CopyTo(block);
            EncodeBlock(block, whole);
            whole[..wire.Length].CopyTo(wire);
        }
    }

    /// <inheritdoc/>
    public override void Decode(ReadOnlySpan<byte> wire, Span<float> values) => Read(wire, values, adds: false);

    /// <inheritdoc/>
    public override void Add(ReadOnlySpan<byte> wire, Span<float> sum) => Read(wire, sum, adds: true);

    private static void EncodeBlock(ReadOnlySpan<float> values, Span<byte> wire)
    {
        ref float source = ref MemoryMarshal.GetReference(values);
        Vector128<uint> largest = Vector128<uint>.Zero;
        for (nuint i = 0; i < Length; i += 4)
        {
            // Magnitudes compare as their bits do; infinities and NaN come above all numbers.
            largest = Vector128.Max(largest, Vector128.Abs(Vector128.LoadUnsafe(ref source, i)).AsUInt32());
        }

        uint top = Math.Max(Math.Max(largest[0], largest[1]), Math.Max(largest[2], largest[3]));
        float magnitude = BitConverter.UInt32BitsToSingle(top);
        bool isTiny = magnitude < SmallestMagnitude;
        float scale = float.IsFinite(magnitude) ? (isTiny ? 0 : magnitude / Largest) : float.NaN;
        float inverse = float.IsFinite(magnitude) && !isTiny ? Largest / magnitude : 0;
        Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(wire), scale);

        ref sbyte target = ref Unsafe.As<byte, sbyte>(ref wire[ScaleBytes]);
        Vector128<float> factor = Vector128.Create(inverse);
        for (nuint i = 0; i < Length; i += 16)
        {
            Vector128<short> low = Vector128.Narrow(Quantize(ref source, i, factor), Quantize(ref source, i + 4, factor));
            Vector128<short> high = Vector128.Narrow(Quantize(ref source, i + 8, factor), Quantize(ref source, i + 12, factor));
            Vector128.Narrow(low, high).StoreUnsafe(ref target, i);
        }
    }

    private static Vector128<int> Quantize(ref float source, nuint at, Vector128<float> factor) =>
        Vector128.ConvertToInt32(Vector128.Round(Vector128.LoadUnsafe(ref source, at) * factor));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Read(ReadOnlySpan<byte> wire, Span<float> values, bool adds)
    {
        while (values.Length >= Length)
        {
            float scale = Unsafe.ReadUnaligned<float>(ref MemoryMarshal.GetReference(wire));
            ref sbyte source = ref Unsafe.As<byte, sbyte>(ref Unsafe.AsRef(in wire[ScaleBytes]));
            ref float target = ref MemoryMarshal.GetReference(values);
            for (nuint i = 0; i < Length; i += 16)
            {
                Vector128<sbyte> bytes = Vector128.LoadUnsafe(ref source, i);
                (Vector128<short> low, Vector128<short> high) = Vector128.Widen(bytes);
                (Vector128<int> part0, Vector128<int> part1) = Vector128.Widen(low);
                (Vector128<int> part2, Vector128<int> part3) = Vector128.Widen(high);
                Put(ref target, i, part0, scale, adds);
                Put(ref target, i + 4, part1, scale, adds);
                Put(ref target, i + 8, part2, scale, adds);
                Put(ref target, i + 12, part3, scale, adds);
            }

            values = values[Length..];
            wire = wire[(ScaleBytes + Length)..];
        }

        if (!values.IsEmpty)
        {
            float scale = Unsafe.ReadUnaligned<float>(ref MemoryMarshal.GetReference(wire));
            for (int i = 0; i < values.Length; i++)
            {
                float value = (sbyte)wire[ScaleBytes + i] * scale;
                values[i] = adds ? values[i] + value : value;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(ref float target, nuint at, Vector128<int> numbers, float scale, bool adds)
    {
        Vector128<float> value = Vector128.ConvertToSingle(numbers) * scale;
        (adds ? Vector128.LoadUnsafe(ref target, at) + value : value).StoreUnsafe(ref target, at);
    }
}
