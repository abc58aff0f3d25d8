using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>
/// A random model whose matrices are packed in one of the floating-point formats, and beside it the same model with the plain numbers that
/// the packed ones stand for.
/// </summary>
public sealed class FloatPackedModel
{
    private readonly QuantizationSpec _packing;

    /// <summary>Makes the weights up and packs them.</summary>
    /// <param name="shape">The model's shape; of plain single-precision numbers.</param>
    /// <param name="format">The format.</param>
    public FloatPackedModel(ModelShape shape, QuantizationFormat format)
    {
        _packing = PackingOf(format);
        Plain = new MemoryModel(shape);
        ModelSpec spec = Plain.Spec;
        foreach (string name in Plain.Weights.Names)
        {
            TensorInfo info = Plain.Weights.Describe(name);
            Weights.Add(name, info.Type, Plain.Weights.Data(name), [.. info.Shape]);
        }

        LinearSpec embedding = Pack(spec.Embedding);
        Spec = spec with
        {
            Embedding = embedding,
            Layers = [.. spec.Layers.Select(layer => new LayerSpec(Pack((GroupedQueryAttention)layer.Mixer), Pack((GatedFeedForward)layer.FeedForward)))],
            Head = spec.IsHeadTied ? embedding : Pack(spec.Head),
        };
    }

    /// <summary>The packed model as data.</summary>
    public ModelSpec Spec { get; }

    /// <summary>The packed weights.</summary>
    public MemoryWeightSource Weights { get; } = new();

    /// <summary>The model with the dequantized numbers.</summary>
    public MemoryModel Plain { get; }

    /// <summary>The only width and group size of a format.</summary>
    /// <param name="format">The format.</param>
    /// <returns>The packing.</returns>
    public static QuantizationSpec PackingOf(QuantizationFormat format) => new(format.Bits.Single(), format.GroupSizes.Single(), format);

    private GroupedQueryAttention Pack(GroupedQueryAttention attention) => attention with
    {
        Query = Pack(attention.Query),
        Key = Pack(attention.Key),
        Value = Pack(attention.Value),
        Output = Pack(attention.Output),
    };

    private GatedFeedForward Pack(GatedFeedForward gated) => gated with { Gate = Pack(gated.Gate), Up = Pack(gated.Up), Down = Pack(gated.Down) };

    private LinearSpec Pack(LinearSpec linear)
    {
        double[] codes = _packing.Bits == 4
            ? [.. Enumerable.Range(0, 16).Select(static code => Number(code, 2, 1))]
            : [.. Enumerable.Range(0, 256).Select(static code => code % 128 == 127 ? double.NaN : Number(code, 4, 3))];
        double[] scales = _packing.GroupSize == 16
            ? [.. Enumerable.Range(0, 127).Select(static code => Number(code, 4, 3))]
            : [.. Enumerable.Range(0, 255).Select(static code => Math.ScaleB(1, code - 127))];
        double largest = codes.Where(static value => !double.IsNaN(value)).Max();
        byte[] numbers = Plain.Weights.Data(linear.WeightName);
        int count = linear.OutputSize * linear.InputSize;
        byte[] words = new byte[count * _packing.Bits / 8];
        byte[] scaleBytes = new byte[count / _packing.GroupSize];
        float[] plain = new float[count];
        for (int group = 0; group < scaleBytes.Length; group++)
        {
            int first = group * _packing.GroupSize;
            double[] values = [.. Enumerable.Range(first, _packing.GroupSize).Select(i => (double)MemoryWeightSource.Number(ElementType.Float32, numbers, i))];
            int scale = Nearest(scales, values.Max(Math.Abs) / largest);
            scaleBytes[group] = (byte)scale;
            for (int i = 0; i < values.Length; i++)
            {
                int code = Nearest(codes, values[i] / scales[scale]);
                int bit = (first + i) * _packing.Bits;
                words[bit / 8] |= (byte)(code << (bit % 8));
                plain[first + i] = (float)(codes[code] * scales[scale]);
            }
        }

        Weights.Add(linear.WeightName, ElementType.UInt32, words, linear.OutputSize, linear.InputSize * _packing.Bits / 32);
        Weights.Add(linear.ScalesName, ElementType.UInt8, scaleBytes, linear.OutputSize, linear.InputSize / _packing.GroupSize);
        byte[] plainBytes = new byte[count * sizeof(float)];
        Buffer.BlockCopy(plain, 0, plainBytes, 0, plainBytes.Length);
        Plain.Weights.Add(linear.WeightName, ElementType.Float32, plainBytes, linear.OutputSize, linear.InputSize);
        return linear with { Quantization = _packing };
    }

    // Sign, exponent with bias 2^(bits−1) − 1, fraction; an exponent of zero stands for a fraction without the leading one.
    private static double Number(int code, int exponentBits, int fractionBits)
    {
        int exponent = (code >> fractionBits) & ((1 << exponentBits) - 1);
        double fraction = (code & ((1 << fractionBits) - 1)) / (double)(1 << fractionBits);
        int bias = (1 << (exponentBits - 1)) - 1;
        double size = exponent == 0 ? fraction * Math.Pow(2, 1 - bias) : (1 + fraction) * Math.Pow(2, exponent - bias);
        return code >> (exponentBits + fractionBits) == 0 ? size : -size;
    }

    private static int Nearest(double[] table, double value)
    {
        int nearest = 0;
        for (int i = 1; i < table.Length; i++)
        {
            nearest = Math.Abs(table[i] - value) < Math.Abs(table[nearest] - value) ? i : nearest;
        }

        return nearest;
    }
}
