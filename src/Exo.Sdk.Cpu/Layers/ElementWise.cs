using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Layers;

/// <summary>Operations on each element.</summary>
internal static unsafe class ElementWise<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    /// <summary>a += b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Add(float* a, float* b, int length)
    {
        int i = 0;
        for (; i + TLanes.Count <= length; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Add(TLanes.Load(a + i), TLanes.Load(b + i)), a + i);
        }

        for (; i < length; i++)
        {
            a[i] += b[i];
        }
    }

    /// <summary>gate = silu(gate) · up, with silu(x) = x / (1 + e⁻ˣ) (Elfwing et al. 2018). Room for whole registers is needed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void GatedSilu(float* gate, float* up, int first, int end)
    {
        for (int i = first; i < end; i += TLanes.Count)
        {
            TVector x = TLanes.Load(gate + i);
            TVector denominator = TLanes.Add(TLanes.Broadcast(1), TLanes.Exp(TLanes.Subtract(TLanes.Zero, x)));
            TLanes.Store(TLanes.Multiply(TLanes.Divide(x, denominator), TLanes.Load(up + i)), gate + i);
        }
    }
}
