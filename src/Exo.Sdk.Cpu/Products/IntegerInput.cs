using System.Runtime.CompilerServices;
using Exo.Sdk.Cpu.Packing;
using Exo.Sdk.Cpu.Simd;

namespace Exo.Sdk.Cpu.Products;

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
        sbyte* rounded = stackalloc sbyte[Units.Inputs];
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
            int integerSum = 0;
            for (int unit = start; unit < start + groupSize; unit += Units.Inputs)
            {
                for (int i = 0; i < Units.Inputs; i++)
                {
                    // Adding 1.5·2²³ rounds to the nearest whole number and leaves it in the lowest bits.
                    int bits = BitConverter.SingleToInt32Bits((x[unit + i] * inverse) + 12582912f);
                    rounded[i] = (sbyte)bits;
                    integerSum += (sbyte)bits;
                }

                for (int quad = 0; quad < Units.Quads; quad++)
                {
                    for (int index = 0; index < 4; index++)
                    {
                        integers[unit + (4 * quad) + index] = rounded[TPacking.QuadInput(quad, index)];
                    }
                }
            }

            float total = TLanes.Sum(sum);
            numbers[0] = scale;
            numbers[1] = (1 << (TPacking.Bits - 1)) * (total - (scale * integerSum));
            numbers[2] = total;
            numbers += NumbersPerGroup;
        }
    }
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
