using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>
/// Rotary position embedding for the tokens of one step (Su et al. 2021, RoFormer): element i and element i + half are rotated by the
/// position times frequency i. Angles are computed in double precision, once a step for all layers; the llama3 scaling is as published
/// with Llama 3.1.
/// </summary>
internal sealed unsafe class Rope<TLanes, TVector> : IDisposable
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    private readonly double[] _frequencies;
    private readonly NativeBlock _angles;
    private readonly int _half;

    internal Rope(RopeSpec rope, int headSize, int maxTokens)
    {
        _half = headSize / 2;
        _frequencies = new double[_half];
        for (int i = 0; i < _half; i++)
        {
            _frequencies[i] = Scale(Math.Pow(rope.Theta, -2.0 * i / headSize), rope.Scaling);
        }

        _angles = NativeBlock.OfFloats(2L * maxTokens * _half);
    }

    internal long ByteCount => _angles.ByteCount;

    /// <summary>Says why a kind of rope cannot be computed here; null where it can.</summary>
    internal static string? Refuse(RopeSpec rope) => rope.Scaling is null or LinearRopeScaling or Llama3RopeScaling
        ? null
        : $"Rope scaling {rope.Scaling.GetType().Name} is not supported; none, linear and llama3 are";

    /// <summary>Computes the angles of a step's tokens.</summary>
    /// <param name="first">The first token in the step.</param>
    /// <param name="position">Its position.</param>
    /// <param name="count">Tokens, at consecutive positions.</param>
    internal void Prepare(int first, int position, int count)
    {
        for (int token = 0; token < count; token++)
        {
            float* cosines = _angles.Floats + ((long)(first + token) * 2 * _half);
            for (int i = 0; i < _half; i++)
            {
                (double sine, double cosine) = Math.SinCos((position + token) * _frequencies[i]);
                cosines[i] = (float)cosine;
                cosines[_half + i] = (float)sine;
            }
        }
    }

    /// <summary>Rotates one head of one token of the step, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Apply(float* x, int token)
    {
        float* cosines = _angles.Floats + ((long)token * 2 * _half);
        float* sines = cosines + _half;
        float* y = x + _half;
        int i = 0;
        for (; i + TLanes.Count <= _half; i += TLanes.Count)
        {
            TVector a = TLanes.Load(x + i);
            TVector b = TLanes.Load(y + i);
            TVector cosine = TLanes.Load(cosines + i);
            TVector sine = TLanes.Load(sines + i);
            TLanes.Store(TLanes.Subtract(TLanes.Multiply(a, cosine), TLanes.Multiply(b, sine)), x + i);
            TLanes.Store(TLanes.MultiplyAdd(b, cosine, TLanes.Multiply(a, sine)), y + i);
        }

        for (; i < _half; i++)
        {
            float a = x[i];
            float b = y[i];
            x[i] = (a * cosines[i]) - (b * sines[i]);
            y[i] = (b * cosines[i]) + (a * sines[i]);
        }
    }

    public void Dispose() => _angles.Dispose();

    private static double Scale(double frequency, RopeScaling? scaling)
    {
        switch (scaling)
        {
            case null:
                return frequency;
            case LinearRopeScaling linear:
                return frequency / linear.Factor;
            case Llama3RopeScaling llama:
                double turns = llama.OriginalContextLength * frequency / (2 * Math.PI);
                double share = llama.HighFrequencyFactor > llama.LowFrequencyFactor
                    ? Math.Clamp((turns - llama.LowFrequencyFactor) / (llama.HighFrequencyFactor - llama.LowFrequencyFactor), 0, 1)
                    : turns < llama.LowFrequencyFactor ? 0 : 1;
                return ((1 - share) * frequency / llama.Factor) + (share * frequency);
            default:
                throw new UnsupportedModelException($"rope scaling {scaling.GetType().Name}", ["none", "linear", "llama3"]);
        }
    }
}
