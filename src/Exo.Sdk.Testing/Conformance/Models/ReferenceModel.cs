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
                LayerSpec layer = _spec.Layers[i];
                x = Sum(x, Attention(layer, Norm(x, layer.AttentionNorm), position, keys[i], values[i]));
                double[] h = Norm(x, layer.FeedForwardNorm);
                double[] gate = Apply(layer.Gate, h);
                double[] up = Apply(layer.Up, h);
                x = Sum(x, Apply(layer.Down, [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)]));
            }

            logits[position] = Apply(_spec.Head, Norm(x, _spec.FinalNorm));
        }

        return logits;
    }

    private double[] Attention(LayerSpec layer, double[] x, int position, List<double[]> keys, List<double[]> values)
    {
        AttentionSpec attention = _spec.Attention;
        int size = attention.HeadSize;
        double[] q = Rotate(HeadNorm(Apply(layer.Query, x), layer.QueryNorm), position);
        keys.Add(Rotate(HeadNorm(Apply(layer.Key, x), layer.KeyNorm), position));
        values.Add(Apply(layer.Value, x));
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
                    scores[p] += q[(head * size) + i] * keys[p][(group * size) + i] / Math.Sqrt(size);
                }
            }

            double max = scores[first..].Max();
            double sum = scores[first..].Sum(score => Math.Exp(score - max));
            for (int p = first; p <= position; p++)
            {
                for (int i = 0; i < size; i++)
                {
                    joined[(head * size) + i] += Math.Exp(scores[p] - max) / sum * values[p][(group * size) + i];
                }
            }
        }

        return Apply(layer.Output, joined);
    }

    private double[] HeadNorm(double[] x, NormSpec? norm) => norm is null
        ? x
        : [.. Enumerable.Range(0, x.Length / norm.Size).SelectMany(head => Norm(x[(head * norm.Size)..((head + 1) * norm.Size)], norm))];

    private double[] Rotate(double[] x, int position)
    {
        int size = _spec.Attention.HeadSize;
        double[] rotated = new double[x.Length];
        for (int head = 0; head < x.Length; head += size)
        {
            for (int i = 0; i < size / 2; i++)
            {
                double angle = position * Frequency(i);
                double a = x[head + i];
                double b = x[head + i + (size / 2)];
                rotated[head + i] = (a * Math.Cos(angle)) - (b * Math.Sin(angle));
                rotated[head + i + (size / 2)] = (b * Math.Cos(angle)) + (a * Math.Sin(angle));
            }
        }

        return rotated;
    }

    private double Frequency(int i)
    {
        double frequency = Math.Pow(_spec.Rope.Theta, -2.0 * i / _spec.Attention.HeadSize);
        switch (_spec.Rope.Scaling)
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
        double root = Math.Sqrt((x.Sum(v => v * v) / x.Length) + _spec.NormEpsilon);
        return [.. x.Select((v, i) => v / root * weight[i])];
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
