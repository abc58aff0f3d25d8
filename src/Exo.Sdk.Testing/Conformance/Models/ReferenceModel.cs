using Exo.Sdk.Models;

namespace Exo.Sdk.Testing.Conformance;

/// <summary>
/// The whole model in double precision, one position at a time, written as the papers' formulas stand there. Slow and meant to be
/// obviously right.
/// </summary>
public sealed class ReferenceModel
{
    private readonly ModelSpec _spec;
    private readonly MemoryWeightSource _weights;
    private readonly Dictionary<string, double[][]> _matrices = [];
    private readonly Dictionary<string, double[]> _vectors = [];

    /// <summary>Takes a model; weights are unpacked as they are needed.</summary>
    /// <param name="model">The model.</param>
    public ReferenceModel(MemoryModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _spec = model.Spec;
        _weights = model.Weights;
    }

    /// <summary>The logits after every position.</summary>
    /// <param name="tokens">The text.</param>
    /// <returns>A row of logits for each token.</returns>
    public double[][] Logits(ReadOnlySpan<int> tokens)
    {
        List<double[]>[] keys = [.. _spec.Layers.Select(_ => new List<double[]>())];
        List<double[]>[] values = [.. _spec.Layers.Select(_ => new List<double[]>())];
        double[][] logits = new double[tokens.Length][];
        for (int position = 0; position < tokens.Length; position++)
        {
            double[] x = [.. Matrix(_spec.Embedding)[tokens[position]]];
            for (int i = 0; i < _spec.Layers.Count; i++)
            {
                foreach (LayerPart part in _spec.Layers[i].Parts)
                {
                    double[] h = Norm(x, part.Norm);
                    double[] y = part switch
                    {
                        GroupedQueryAttention attention => Attention(attention, h, position, keys[i], values[i]),
                        GatedFeedForward gated => FeedForward(gated, h),
                        _ => throw new NotSupportedException($"The reference has no formulas of {part.Kind}."),
                    };
                    x = Sum(x, part.ResultNorm is { } norm ? Norm(y, norm) : y);
                }
            }

            logits[position] = Apply(_spec.Head, Norm(x, _spec.FinalNorm));
        }

        return logits;
    }

    private double[] Attention(GroupedQueryAttention attention, double[] x, int position, List<double[]> keys, List<double[]> values)
    {
        int size = attention.HeadSize;
        double scale = attention.OwnScale ?? (1 / Math.Sqrt(size));
        double[] q = Rotate(HeadNorm(Apply(attention.Query, x), attention.QueryNorm), attention, position);
        keys.Add(Rotate(HeadNorm(Apply(attention.Key, x), attention.KeyNorm), attention, position));
        values.Add(Apply(attention.Value, x));
        int first = attention.SlidingWindow is { } window ? Math.Max(0, position - window + 1) : 0;
        double[] joined = new double[attention.QueryHeadCount * size];
        for (int head = 0; head < attention.QueryHeadCount; head++)
        {
            int group = head / attention.GroupSize;
            double[] scores = new double[position + 1];
            for (int p = first; p <= position; p++)
            {
                for (int i = 0; i < size; i++)
                {
                    scores[p] += q[(head * size) + i] * keys[p][(group * size) + i] * scale;
                }

                scores[p] = attention.ScoreSoftcap is { } cap ? cap * Math.Tanh(scores[p] / cap) : scores[p];
            }

            double sink = attention.SinksName is { } sinks ? Vector(sinks)[head] : double.NegativeInfinity;
            double max = Math.Max(sink, scores[first..].Max());
            double sum = Math.Exp(sink - max) + scores[first..].Sum(score => Math.Exp(score - max));
            for (int p = first; p <= position; p++)
            {
                for (int i = 0; i < size; i++)
                {
                    joined[(head * size) + i] += Math.Exp(scores[p] - max) / sum * values[p][(group * size) + i];
                }
            }
        }

        return Apply(attention.Output, joined);
    }

    private double[] FeedForward(GatedFeedForward gated, double[] x)
    {
        double[] gate = Apply(gated.Gate, x);
        double[] up = Apply(gated.Up, x);
        return Apply(gated.Down, [.. gate.Zip(up, (g, u) => Activate(gated.Activation, g) * u)]);
    }

    private static double Activate(Activation activation, double x) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Gelu => x * NormalDistribution(x),
        Activation.GeluTanh => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        _ => throw new NotSupportedException($"The reference has no formula of {activation}."),
    };

    // Φ(x) = 1/2 + φ(x)·(x + x³/3 + x⁵/(3·5) + …) (Marsaglia 2004), which converges everywhere.
    private static double NormalDistribution(double x)
    {
        if (Math.Abs(x) > 8)
        {
            return x < 0 ? 0 : 1;
        }

        double sum = x;
        double term = x;
        for (int i = 3; Math.Abs(term) > 1e-17; i += 2)
        {
            term *= x * x / i;
            sum += term;
        }

        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }

    private double[] HeadNorm(double[] x, NormSpec? norm) => norm is null
        ? x
        : [.. Enumerable.Range(0, x.Length / norm.Size).SelectMany(head => Norm(x[(head * norm.Size)..((head + 1) * norm.Size)], norm))];

    private static double[] Rotate(double[] x, GroupedQueryAttention attention, int position)
    {
        if (attention.Rope is not { } rope)
        {
            return x;
        }

        int size = attention.HeadSize;
        double[] rotated = new double[x.Length];
        for (int head = 0; head < x.Length; head += size)
        {
            for (int i = 0; i < size / 2; i++)
            {
                double angle = position * Frequency(rope, size, i);
                double a = x[head + i];
                double b = x[head + i + (size / 2)];
                rotated[head + i] = (a * Math.Cos(angle)) - (b * Math.Sin(angle));
                rotated[head + i + (size / 2)] = (b * Math.Cos(angle)) + (a * Math.Sin(angle));
            }
        }

        return rotated;
    }

    private static double Frequency(RopeSpec rope, int headSize, int i)
    {
        double frequency = Math.Pow(rope.Theta, -2.0 * i / headSize);
        switch (rope.Scaling)
        {
            case LinearRopeScaling linear:
                return frequency / linear.Factor;
            case Llama3RopeScaling llama:
                double wavelength = 2 * Math.PI / frequency;
                if (wavelength < llama.OriginalContextLength / llama.HighFrequencyFactor)
                {
                    return frequency;
                }

                if (wavelength > llama.OriginalContextLength / llama.LowFrequencyFactor)
                {
                    return frequency / llama.Factor;
                }

                double smooth = ((llama.OriginalContextLength / wavelength) - llama.LowFrequencyFactor)
                    / (llama.HighFrequencyFactor - llama.LowFrequencyFactor);
                return ((1 - smooth) * frequency / llama.Factor) + (smooth * frequency);
            default:
                return frequency;
        }
    }

    private double[] Norm(double[] x, NormSpec norm)
    {
        double[] weight = Vector(norm.WeightName);
        double mean = norm.Form == NormForm.LayerNorm ? x.Average() : 0;
        double root = Math.Sqrt((x.Sum(v => (v - mean) * (v - mean)) / x.Length) + norm.Epsilon);
        double from = norm.Form == NormForm.RootMeanSquareFromOne ? 1 : 0;
        return [.. x.Select((v, i) => (v - mean) / root * (from + weight[i]))];
    }

    private double[] Apply(LinearSpec linear, double[] x)
    {
        double[][] matrix = Matrix(linear);
        double[] y = new double[matrix.Length];
        for (int row = 0; row < y.Length; row++)
        {
            for (int i = 0; i < x.Length; i++)
            {
                y[row] += matrix[row][i] * x[i];
            }

            y[row] += linear.HasBias ? Vector(linear.BiasName)[row] : 0;
        }

        return y;
    }

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private double[] Vector(string name)
    {
        if (!_vectors.TryGetValue(name, out double[]? vector))
        {
            TensorInfo info = _weights.Describe(name);
            vector = [.. Enumerable.Range(0, (int)info.ElementCount).Select(i => (double)MemoryWeightSource.Number(info.Type, _weights.Data(name), i))];
            _vectors.Add(name, vector);
        }

        return vector;
    }

    private double[][] Matrix(LinearSpec linear)
    {
        if (_matrices.TryGetValue(linear.Path, out double[][]? matrix))
        {
            return matrix;
        }

        matrix = new double[linear.OutputSize][];
        for (int row = 0; row < linear.OutputSize; row++)
        {
            matrix[row] = new double[linear.InputSize];
            for (int column = 0; column < linear.InputSize; column++)
            {
                matrix[row][column] = linear.Quantization is { } packing
                    ? Unpack(linear, packing, row, column)
                    : Vector(linear.WeightName)[(row * linear.InputSize) + column];
            }
        }

        _matrices.Add(linear.Path, matrix);
        return matrix;
    }

    // A row is one bit stream, lowest bits first; a value of 3, 5 or 6 bits may lie across two words.
    private double Unpack(LinearSpec linear, QuantizationSpec packing, int row, int column)
    {
        byte[] words = _weights.Data(linear.WeightName);
        int bit = ((row * linear.InputSize) + column) * packing.Bits;
        int offset = bit / 32 * 4;
        ulong next = offset + 4 < words.Length ? BitConverter.ToUInt32(words, offset + 4) : 0;
        ulong value = (((next << 32) | BitConverter.ToUInt32(words, offset)) >> (bit % 32)) & ((1u << packing.Bits) - 1);
        int group = (row * (linear.InputSize / packing.GroupSize)) + (column / packing.GroupSize);
        return (Vector(linear.ScalesName)[group] * value) + Vector(linear.GroupBiasesName)[group];
    }
}
