using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>y = x / √(mean(x²) + ε) · w (Zhang and Sennrich 2019).</summary>
internal static unsafe class RootMeanSquareNorm<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    /// <summary>Norms one vector; y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Apply(float* x, ReadOnlySpan<float> weight, float epsilon, float* y)
    {
        TVector squares = TLanes.Zero;
        TVector otherSquares = TLanes.Zero;
        int length = weight.Length;
        int i = 0;
        for (; i + (2 * TLanes.Count) <= length; i += 2 * TLanes.Count)
        {
            TVector a = TLanes.Load(x + i);
            TVector b = TLanes.Load(x + i + TLanes.Count);
            squares = TLanes.MultiplyAdd(a, a, squares);
            otherSquares = TLanes.MultiplyAdd(b, b, otherSquares);
        }

        float sum = TLanes.Sum(TLanes.Add(squares, otherSquares));
        for (; i < length; i++)
        {
            sum += x[i] * x[i];
        }

        float factor = 1 / MathF.Sqrt((sum / length) + epsilon);
        fixed (float* w = weight)
        {
            for (i = 0; i + TLanes.Count <= length; i += TLanes.Count)
            {
                TVector scaled = TLanes.Multiply(TLanes.Load(x + i), TLanes.Broadcast(factor));
                TLanes.Store(TLanes.Multiply(scaled, TLanes.Load(w + i)), y + i);
            }

            for (; i < length; i++)
            {
                y[i] = x[i] * factor * w[i];
            }
        }
    }
}
