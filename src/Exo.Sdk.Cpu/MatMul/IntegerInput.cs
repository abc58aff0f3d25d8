using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.MatMul;

/// <summary>
/// A token's inputs as 8-bit integers, x ≈ a·i with one a for each group of inputs. w = s·q + β, so with z the middle of q's range
/// <code>Σ w·x = s·Σ (q − z)·x + (β + z·s)·Σ x ≈ s·(a·Σ q·i + z·(Σ x − a·Σ i)) + β·Σ x</code>
/// whose rounding error grows with q − z and not with q, which halves it. Each group stores a, z·(Σ x − a·Σ i) and Σ x.
/// </summary>
internal static unsafe class IntegerInput
{
    /// <summary>Numbers behind the integers, for each group.</summary>
    internal const int NumbersPerGroup = 3;

    private const float Largest = 127;

    // Inputs that are rounded at a time: no packing's quads reach further.
    private const int Half = 16;

    // Adding 1.5·2²³ rounds to the nearest whole number and leaves it in the lowest bits.
    private const float RoundingAddend = 12582912f;

    /// <summary>Bytes of a token's inputs.</summary>
    internal static int ByteCount(int inputs, int groupSize) =>
        (NumberOffset(inputs) + (inputs / groupSize * NumbersPerGroup * sizeof(float)) + 63) / 64 * 64;

    /// <summary>Where the groups' numbers begin.</summary>
    internal static int NumberOffset(int inputs) => (inputs + 63) / 64 * 64;

    /// <summary>Rounds a token's inputs.</summary>
    internal static void Arrange<TLanes, TVector, TPacking>(float* x, int inputs, int groupSize, byte* arranged)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
        where TPacking : struct, IIntegerPacking
    {
        sbyte* integers = (sbyte*)arranged;
        float* numbers = (float*)(arranged + NumberOffset(inputs));
        Vector128<sbyte> order = Order<TPacking>();
        for (int start = 0; start < inputs; start += groupSize)
        {
            TVector largest = TLanes.Zero;
            TVector sum = TLanes.Zero;
            for (int i = 0; i < groupSize; i += TLanes.Count)
            {
                TVector value = TLanes.Load(x + start + i);
                largest = TLanes.Max(largest, TLanes.Abs(value));
                sum = TLanes.Add(sum, value);
            }

            float scale = TLanes.MaxAcross(largest) / Largest;
            float inverse = scale > 0 ? 1 / scale : 0;
            Vector128<int> integerSums = Vector128<int>.Zero;
            for (int i = start; i < start + groupSize; i += Half)
            {
                Vector128<sbyte> rounded = Round(x + i, inverse, ref integerSums);
                Vector128.Shuffle(rounded, order).Store(integers + i);
            }

            int integerSum = Vector128.Sum(integerSums);
            float total = TLanes.Sum(sum);
            numbers[0] = scale;
            numbers[1] = (1 << (TPacking.Bits - 1)) * (total - (scale * integerSum));
            numbers[2] = total;
            numbers += NumbersPerGroup;
        }
    }

    private static Vector128<sbyte> Order<TPacking>()
        where TPacking : struct, IIntegerPacking
    {
        sbyte* places = stackalloc sbyte[Half];
        for (int i = 0; i < Half; i++)
        {
            places[i] = (sbyte)TPacking.QuadInput(i / 4, i % 4);
        }

        return Vector128.Load(places);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Round(float* x, float inverse, ref Vector128<int> sums)
    {
        Vector128<int> a = Round(x, inverse);
        Vector128<int> b = Round(x + 4, inverse);
        Vector128<int> c = Round(x + 8, inverse);
        Vector128<int> d = Round(x + 12, inverse);
        sums += a + b + (c + d);
        return Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Round(float* x, float inverse) =>
        ((Vector128.Load(x) * inverse) + Vector128.Create(RoundingAddend)).AsInt32() - Vector128.Create(RoundingAddend).AsInt32();
}

/// <summary>A group's share of the outputs.</summary>
internal static unsafe class IntegerGroup
{
    /// <summary>Adds it: scale · (a·Σ q·i + correction) + offset · Σ x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TVector Add<TLanes, TVector>(TVector total, TVector integers, TVector scale, TVector offset, float* numbers)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        TVector sum = TLanes.MultiplyAdd(TLanes.ToSingle(integers), TLanes.Broadcast(numbers[0]), TLanes.Broadcast(numbers[1]));
        return TLanes.MultiplyAdd(offset, TLanes.Broadcast(numbers[2]), TLanes.MultiplyAdd(sum, scale, total));
    }
}
