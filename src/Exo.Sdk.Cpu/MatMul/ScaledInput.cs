using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>One token's inputs, scaled by powers of two as the packing wants them, then the groups' sums.</summary>
internal static unsafe class ScaledInput
{
    internal static void Arrange<TLanes, TVector, TPacking>(float* x, int inputs, int groupSize, float* arranged)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IPacking
    {
        float* scales = stackalloc float[Units.Inputs];
        for (int i = 0; i < Units.Inputs; i++)
        {
            scales[i] = TPacking.InputScale(i);
        }

        float* sums = arranged + inputs;
        for (int start = 0; start < inputs; start += groupSize)
        {
            TVector sum = TLanes.Zero;
            for (int i = start; i < start + groupSize; i += TLanes.Count)
            {
                TVector value = TLanes.Load(x + i);
                sum = TLanes.Add(sum, value);
                TLanes.Store(TLanes.Multiply(value, TLanes.Load(scales + (i % Units.Inputs))), arranged + i);
            }

            *sums++ = TLanes.Sum(sum);
        }
    }
}
