using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>Turns the sums over a panel's groups into outputs: y = Σ scale·sum + Σ bias·(Σ x).</summary>
internal static unsafe class GroupScaling<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : struct
{
    /// <summary>Scales sums of single precision.</summary>
    /// <param name="scales">The first group's scales.</param>
    /// <param name="biases">The first group's biases.</param>
    /// <param name="sums">A register for each group.</param>
    /// <param name="inputSums">The groups' sums of x.</param>
    /// <param name="groups">How many groups.</param>
    /// <param name="adds">Whether to add to what is at <paramref name="y"/>.</param>
    /// <param name="y">The panel's outputs.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void Apply<TFormat>(byte* scales, byte* biases, float* sums, float* inputSums, int groups, bool adds, float* y)
        where TFormat : struct, INumberFormat
    {
        int step = TLanes.Count * TFormat.ElementBytes;
        TVector total = adds ? TLanes.Load(y) : TLanes.Zero;
        TVector offset = TLanes.Zero;
        for (int group = 0; group < groups; group++)
        {
            Prefetch.Ahead(scales);
            Prefetch.Ahead(biases);
            total = TLanes.MultiplyAdd(TLanes.Load(sums), TFormat.Load<TLanes, TVector>(scales), total);
            offset = TLanes.MultiplyAdd(TFormat.Load<TLanes, TVector>(biases), TLanes.Broadcast(inputSums[group]), offset);
            sums += TLanes.Count;
            scales += step;
            biases += step;
        }

        TLanes.Store(TLanes.Add(total, offset), y);
    }

    /// <summary>Scales sums of integers, with each group's numbers as <see cref="IntegerInput"/> has them; otherwise as the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    internal static void ApplyIntegers<TFormat>(byte* scales, byte* biases, float* sums, float* numbers, int groups, bool adds, float* y)
        where TFormat : struct, INumberFormat
    {
        int step = TLanes.Count * TFormat.ElementBytes;
        TVector total = adds ? TLanes.Load(y) : TLanes.Zero;
        TVector offset = TLanes.Zero;
        for (int group = 0; group < groups; group++)
        {
            Prefetch.Ahead(scales);
            Prefetch.Ahead(biases);
            TVector sum = TLanes.MultiplyAdd(TLanes.ToSingle(TLanes.Load(sums)), TLanes.Broadcast(numbers[0]), TLanes.Broadcast(numbers[1]));
            total = TLanes.MultiplyAdd(sum, TFormat.Load<TLanes, TVector>(scales), total);
            offset = TLanes.MultiplyAdd(TFormat.Load<TLanes, TVector>(biases), TLanes.Broadcast(numbers[2]), offset);
            sums += TLanes.Count;
            scales += step;
            biases += step;
            numbers += IntegerInput.NumbersPerGroup;
        }

        TLanes.Store(TLanes.Add(total, offset), y);
    }
}
