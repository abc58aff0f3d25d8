using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>The upper half of each float32, rounded to nearest, ties to even; NaN stays NaN.</summary>
internal sealed class BFloat16Format : WireFormat
{
    private const uint Magnitude = 0x7FFF_FFFF;
    private const uint Infinity = 0x7F80_0000;
    private const uint Quiet = 0x0040_0000;

    /// <inheritdoc/>
    public override int BlockLength => 1;

    /// <inheritdoc/>
    public override int BlockBytes => sizeof(ushort);

    /// <inheritdoc/>
    public override Operation Reduce => Operation.ReduceBFloat16;

    /// <inheritdoc/>
    public override Operation Reduced => Operation.ReducedBFloat16;

    /// <inheritdoc/>
    public override int ByteCount(int length) => length * sizeof(ushort);

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<float> values, Span<byte> wire)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wire.Length, ByteCount(values.Length));
        ref uint source = ref Unsafe.As<float, uint>(ref MemoryMarshal.GetReference(values));
        ref ushort target = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(wire));
        int width = Vector<uint>.Count;
        int i = 0;
        for (; i <= values.Length - (2 * width); i += 2 * width)
        {
            Vector<uint> low = Round(Vector.LoadUnsafe(ref source, (nuint)i));
            Vector<uint> high = Round(Vector.LoadUnsafe(ref source, (nuint)(i + width)));
            Vector.Narrow(low, high).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < values.Length; i++)
        {
            Unsafe.Add(ref target, i) = Round(Unsafe.Add(ref source, i));
        }
    }

    /// <inheritdoc/>
    public override void Decode(ReadOnlySpan<byte> wire, Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wire.Length, ByteCount(values.Length));
        ref ushort source = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(wire));
        ref float target = ref MemoryMarshal.GetReference(values);
        int width = Vector<float>.Count;
        int i = 0;
        for (; i <= values.Length - (2 * width); i += 2 * width)
        {
            (Vector<float> low, Vector<float> high) = Widen(Vector.LoadUnsafe(ref source, (nuint)i));
            low.StoreUnsafe(ref target, (nuint)i);
            high.StoreUnsafe(ref target, (nuint)(i + width));
        }

        for (; i < values.Length; i++)
        {
            Unsafe.Add(ref target, i) = Widen(Unsafe.Add(ref source, i));
        }
    }

    /// <inheritdoc/>
    public override void Add(ReadOnlySpan<byte> wire, Span<float> sum)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wire.Length, ByteCount(sum.Length));
        ref ushort source = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(wire));
        ref float target = ref MemoryMarshal.GetReference(sum);
        int width = Vector<float>.Count;
        int i = 0;
        for (; i <= sum.Length - (2 * width); i += 2 * width)
        {
            (Vector<float> low, Vector<float> high) = Widen(Vector.LoadUnsafe(ref source, (nuint)i));
            (Vector.LoadUnsafe(ref target, (nuint)i) + low).StoreUnsafe(ref target, (nuint)i);
            (Vector.LoadUnsafe(ref target, (nuint)(i + width)) + high).StoreUnsafe(ref target, (nuint)(i + width));
        }

        for (; i < sum.Length; i++)
        {
            Unsafe.Add(ref target, i) += Widen(Unsafe.Add(ref source, i));
        }
    }

    private static Vector<uint> Round(Vector<uint> bits)
    {
        Vector<uint> rounded = bits + new Vector<uint>(0x7FFF) + ((bits >>> 16) & Vector<uint>.One);
        Vector<uint> isNaN = Vector.GreaterThan(bits & new Vector<uint>(Magnitude), new Vector<uint>(Infinity));
        return Vector.ConditionalSelect(isNaN, bits | new Vector<uint>(Quiet), rounded) >>> 16;
    }

    private static ushort Round(uint bits) => (ushort)(
        ((bits & Magnitude) > Infinity ? bits | Quiet : bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);

    private static (Vector<float> Low, Vector<float> High) Widen(Vector<ushort> halves)
    {
        Vector.Widen(halves, out Vector<uint> low, out Vector<uint> high);
        return (Vector.AsVectorSingle(low << 16), Vector.AsVectorSingle(high << 16));
    }

    private static float Widen(ushort half) => BitConverter.UInt32BitsToSingle((uint)half << 16);
}
