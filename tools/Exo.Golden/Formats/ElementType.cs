using System.Buffers.Binary;

namespace Exo.Golden.Formats;

/// <summary>Element types of safetensors that the reference reads and writes; the names are the format's own.</summary>
internal enum ElementType
{
    F32,
    F16,
    BF16,
    U32,
}

/// <summary>Conversions between stored elements and float64. Widening is exact; narrowing rounds to nearest, ties to even.</summary>
internal static class Elements
{
    public static int SizeInBytes(this ElementType type) => type is ElementType.F32 or ElementType.U32 ? 4 : 2;

    public static ElementType FromTorchName(string name) => name switch
    {
        "float32" => ElementType.F32,
        "float16" => ElementType.F16,
        "bfloat16" => ElementType.BF16,
        _ => throw new NotSupportedException($"torch dtype '{name}'"),
    };

    public static double[] ToDoubles(ElementType type, ReadOnlySpan<byte> data)
    {
        var values = new double[data.Length / type.SizeInBytes()];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = type switch
            {
                ElementType.F32 => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]),
                ElementType.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(data[(2 * i)..]),
                ElementType.BF16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]) << 16),
                _ => throw new NotSupportedException($"{type} does not hold numbers"),
            };
        }

        return values;
    }

    public static byte[] FromDoubles(ElementType type, ReadOnlySpan<double> values)
    {
        var data = new byte[values.Length * type.SizeInBytes()];
        var span = data.AsSpan();
        for (int i = 0; i < values.Length; i++)
        {
            switch (type)
            {
                case ElementType.F32:
                    BinaryPrimitives.WriteSingleLittleEndian(span[(4 * i)..], (float)values[i]);
                    break;
                case ElementType.F16:
                    BinaryPrimitives.WriteHalfLittleEndian(span[(2 * i)..], (Half)values[i]);
                    break;
                case ElementType.BF16:
                    BinaryPrimitives.WriteUInt16LittleEndian(span[(2 * i)..], ToBFloat16((float)values[i]));
                    break;
                default:
                    throw new NotSupportedException($"{type} does not hold numbers");
            }
        }

        return data;
    }

    /// <summary>The value as it reads back after being stored.</summary>
    public static double Round(ElementType type, double value) => ToDoubles(type, FromDoubles(type, [value]))[0];

    // Adding half of the dropped part, plus the lowest kept bit, rounds to nearest even; a carry walks into the exponent as it should.
    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
