using System.Runtime.InteropServices;

namespace Exo.TinyModel.Trainer.Export;

/// <summary>The upper half of a float32, rounded to nearest, ties to even.</summary>
internal static class BFloat16
{
    public static ushort FromSingle(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    public static float ToSingle(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    /// <summary>The nearest value that bfloat16 can hold.</summary>
    public static float Round(float value) => ToSingle(FromSingle(value));

    public static byte[] ToBytes(IReadOnlyList<float> values)
    {
        var halves = new ushort[values.Count];
        for (var i = 0; i < halves.Length; i++)
        {
            halves[i] = FromSingle(values[i]);
        }
        return MemoryMarshal.AsBytes<ushort>(halves).ToArray();
    }

    public static float[] FromBytes(byte[] bytes)
    {
        var halves = MemoryMarshal.Cast<byte, ushort>(bytes);
        var values = new float[halves.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ToSingle(halves[i]);
        }
        return values;
    }
}
