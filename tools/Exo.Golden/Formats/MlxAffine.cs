using System.Buffers.Binary;

namespace Exo.Golden.Formats;

/// <summary>Width and group length of an MLX affine quantization.</summary>
internal readonly record struct AffineParameters(int GroupSize, int Bits);

/// <summary>
/// MLX's affine quantization, w = s·q + β with one scale s and one bias β for each group of consecutive inputs of a row.
/// The codes q of a row are one little-endian, lowest-bit-first stream held in uint32 words: <c>[out, in·bits/32]</c>.
/// </summary>
/// <remarks>
/// As in MLX, the group's largest magnitude (the edge) is represented exactly up to the rounding of s and β, and the sign of s
/// is the one that makes the edge's side of the range the near one: s is negative when the edge is the maximum.
/// </remarks>
internal static class MlxAffine
{
    /// <summary>Quantizes a row-major [rows, columns] matrix into <c>weight</c>, <c>scales</c> and <c>biases</c> of the given path.</summary>
    /// <param name="parameterType">Element type of scales and biases.</param>
    public static StoredTensor[] Quantize(string path, ReadOnlySpan<double> weights, int rows, int columns, AffineParameters format, ElementType parameterType)
    {
        int groups = columns / format.GroupSize;
        int words = columns * format.Bits / 32;
        var packed = new uint[rows * words];
        var scales = new double[rows * groups];
        var biases = new double[rows * groups];
        var codes = new int[columns];
        for (int row = 0; row < rows; row++)
        {
            for (int group = 0; group < groups; group++)
            {
                int start = group * format.GroupSize;
                var values = weights.Slice((row * columns) + start, format.GroupSize);
                var (scale, bias) = Fit(values, format.Bits, parameterType);
                scales[(row * groups) + group] = scale;
                biases[(row * groups) + group] = bias;
                for (int i = 0; i < format.GroupSize; i++)
                {
                    double code = Math.Round((values[i] - bias) / scale, MidpointRounding.ToEven);
                    codes[start + i] = (int)Math.Clamp(code, 0, (1 << format.Bits) - 1);
                }
            }

            Pack(codes, format.Bits, packed.AsSpan(row * words, words));
        }

        var data = new byte[packed.Length * 4];
        for (int i = 0; i < packed.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4 * i), packed[i]);
        }

        return
        [
            new StoredTensor(path + ".weight", ElementType.U32, [rows, words], data),
            StoredTensor.FromDoubles(path + ".scales", parameterType, [rows, groups], scales),
            StoredTensor.FromDoubles(path + ".biases", parameterType, [rows, groups], biases),
        ];
    }

    /// <summary>The exact values that the three stored tensors stand for, row-major [rows, columns].</summary>
    public static double[] Dequantize(StoredTensor weight, StoredTensor scales, StoredTensor biases, AffineParameters format)
    {
        int rows = weight.Shape[0];
        int words = weight.Shape[1];
        int columns = words * 32 / format.Bits;
        int groups = columns / format.GroupSize;
        if (scales.Shape[0] != rows || scales.Shape[1] != groups || !biases.Shape.SequenceEqual(scales.Shape))
        {
            throw new InvalidDataException($"{weight.Name}: [{rows}, {words}] words do not match scales [{string.Join(", ", scales.Shape)}] at {format}");
        }

        double[] s = scales.ToDoubles();
        double[] b = biases.ToDoubles();
        var values = new double[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            var line = weight.Data.AsSpan(row * words * 4, words * 4);
            for (int column = 0; column < columns; column++)
            {
                int group = (row * groups) + (column / format.GroupSize);
                values[(row * columns) + column] = (s[group] * ReadCode(line, column, format.Bits)) + b[group];
            }
        }

        return values;
    }

    private static (double Scale, double Bias) Fit(ReadOnlySpan<double> values, int bits, ElementType parameterType)
    {
        double low = double.PositiveInfinity;
        double high = double.NegativeInfinity;
        foreach (double value in values)
        {
            low = Math.Min(low, value);
            high = Math.Max(high, value);
        }

        int levels = (1 << bits) - 1;
        bool lowIsEdge = Math.Abs(low) > Math.Abs(high);
        double edge = lowIsEdge ? low : high;
        double scale = Math.Max((high - low) / levels, 1e-7) * (lowIsEdge ? 1 : -1);
        double steps = Math.Round(edge / scale, MidpointRounding.ToEven);
        if (steps == 0)
        {
            return (Elements.Round(parameterType, scale), 0);
        }

        return (Elements.Round(parameterType, edge / steps), Elements.Round(parameterType, edge));
    }

    private static void Pack(ReadOnlySpan<int> codes, int bits, Span<uint> words)
    {
        for (int i = 0; i < codes.Length; i++)
        {
            for (int bit = 0; bit < bits; bit++)
            {
                int position = (i * bits) + bit;
                words[position / 32] |= (uint)((codes[i] >> bit) & 1) << (position % 32);
            }
        }
    }

    // Bit by bit on bytes, where Pack works on words: the two meet only in the layout.
    private static int ReadCode(ReadOnlySpan<byte> line, int index, int bits)
    {
        int code = 0;
        for (int bit = 0; bit < bits; bit++)
        {
            int position = (index * bits) + bit;
            code |= ((line[position / 8] >> (position % 8)) & 1) << bit;
        }

        return code;
    }
}
