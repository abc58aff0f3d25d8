using System.Runtime.CompilerServices;
using Exo.Sdk.Backends;
using Exo.Sdk.Cpu.Memory;
using Exo.Sdk.Cpu.Simd;
using Exo.Sdk.Models;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>
/// Rotary position embedding for the tokens of one step (Su et al. 2021, RoFormer): element i and element i + half are rotated by the
/// position times frequency i. Angles are computed in double precision, once a step for all layers.
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
        _frequencies = RopeFrequencies.Of(rope, headSize);
        _angles = NativeBlock.OfFloats(2L * maxTokens * _half);
    }

    internal long ByteCount => _angles.ByteCount;

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
}
