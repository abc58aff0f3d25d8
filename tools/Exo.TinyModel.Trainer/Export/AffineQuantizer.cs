namespace Exo.TinyModel.Trainer.Export;

/// <summary>
/// MLX's affine format at 4 bits: of each group of 64 neighbors in a row, w = s·q + b with q in 0…15, s and b in bfloat16.
/// </summary>
internal static class AffineQuantizer
{
    public const int GroupSize = 64;
    public const int Bits = 4;
    private const int Largest = (1 << Bits) - 1;

    /// <summary>Codes (two to a byte, the first in the low half, which is little-endian uint32 words of eight), scales and biases.</summary>
    public static (byte[] Codes, float[] Scales, float[] Biases) Quantize(float[] weights)
    {
        var groups = weights.Length / GroupSize;
        var (codes, scales, biases) = (new byte[weights.Length / 2], new float[groups], new float[groups]);
        Parallel.For(0, groups, group =>
        {
            var values = weights.AsSpan(group * GroupSize, GroupSize);
            Span<byte> q = stackalloc byte[GroupSize];
            (scales[group], biases[group]) = FitGroup(values);
            Assign(values, scales[group], biases[group], q);
            for (var i = 0; i < GroupSize; i += 2)
            {
                codes[((group * GroupSize) + i) / 2] = (byte)(q[i] | (q[i + 1] << 4));
            }
        });
        return (codes, scales, biases);
    }

    public static float[] Dequantize(byte[] codes, float[] scales, float[] biases)
    {
        var weights = new float[codes.Length * 2];
        for (var i = 0; i < weights.Length; i++)
        {
            var q = (codes[i / 2] >> (4 * (i % 2))) & Largest;
            weights[i] = (scales[i / GroupSize] * q) + biases[i / GroupSize];
        }
        return weights;
    }

    /// <summary>The scale and bias with the smallest squared error found: from several clipped ranges, alternately assigned and refitted.</summary>
    private static (float Scale, float Bias) FitGroup(ReadOnlySpan<float> values)
    {
        var (low, high) = (float.MaxValue, float.MinValue);
        foreach (var value in values)
        {
            low = Math.Min(low, value);
            high = Math.Max(high, value);
        }
        if (low == high)
        {
            return (0, BFloat16.Round(low));
        }
        Span<byte> q = stackalloc byte[GroupSize];
        var best = (Error: double.MaxValue, Scale: 0f, Bias: 0f);
        for (var shrink = 1.0f; shrink > 0.7f; shrink -= 0.04f)
        {
            var middle = (low + high) / 2;
            var scale = BFloat16.Round((high - low) * shrink / Largest);
            var bias = BFloat16.Round(middle - ((high - low) * shrink / 2));
            for (var round = 0; round < 4; round++)
            {
                var error = Assign(values, scale, bias, q);
                if (error < best.Error)
                {
                    best = (error, scale, bias);
                }
                (scale, bias) = LeastSquares(values, q, scale, bias);
            }
        }
        return (best.Scale, best.Bias);
    }

    private static double Assign(ReadOnlySpan<float> values, float scale, float bias, Span<byte> q)
    {
        var error = 0.0;
        for (var i = 0; i < values.Length; i++)
        {
            var code = scale == 0 ? 0 : Math.Clamp(MathF.Round((values[i] - bias) / scale), 0, Largest);
            q[i] = (byte)code;
            var difference = values[i] - ((scale * code) + bias);
            error += difference * difference;
        }
        return error;
    }

    private static (float Scale, float Bias) LeastSquares(ReadOnlySpan<float> values, ReadOnlySpan<byte> q, float scale, float bias)
    {
        double n = values.Length, sumQ = 0, sumW = 0, sumQQ = 0, sumQW = 0;
        for (var i = 0; i < values.Length; i++)
        {
            sumQ += q[i];
            sumW += values[i];
            sumQQ += q[i] * q[i];
            sumQW += q[i] * values[i];
        }
        var determinant = (n * sumQQ) - (sumQ * sumQ);
        if (determinant == 0)
        {
            return (scale, bias);
        }
        var slope = BFloat16.Round((float)(((n * sumQW) - (sumQ * sumW)) / determinant));
        return (slope, BFloat16.Round((float)((sumW - (slope * sumQ)) / n)));
    }
}
