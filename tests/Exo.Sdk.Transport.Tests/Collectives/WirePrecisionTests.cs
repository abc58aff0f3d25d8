using System.Runtime.InteropServices;
using Exo.Sdk.Testing;
using Exo.Sdk.Transport.Collectives;
using Xunit.Abstractions;

namespace Exo.Sdk.Transport.Tests.Collectives;

public sealed class WirePrecisionTests(ITestOutputHelper output)
{
    private static readonly int[] Lengths = [0, 1, 31, 32, 33, 1000, 5000, 100_003];

    public static TheoryData<WirePrecision, string, int> Groups()
    {
        TheoryData<WirePrecision, string, int> data = [];
        foreach (WirePrecision precision in new[] { WirePrecision.BFloat16, WirePrecision.Int8Blocks })
        {
            foreach (string transport in new[] { "tcp", "shared-memory", "in-process" })
            {
                foreach (int size in new[] { 1, 2, 3, 4, 5 })
                {
                    data.Add(precision, transport, size);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Every_rank_ends_with_the_same_bits_near_the_exact_sum(WirePrecision precision, string transport, int size)
    {
        using TestGroup group = RankGroup.Connect(transport, size, precision: precision);
        foreach (int length in Lengths)
        {
            float[][] inputs = [.. Enumerable.Range(0, size).Select(rank => Normal(length, seed: (100 * rank) + length))];
            float[][] results = [.. inputs.Select(input => (float[])input.Clone())];

            group.Run(collective => collective.AllReduceSum(results[collective.Rank]));

            foreach (float[] result in results)
            {
                MemoryMarshal.AsBytes<float>(result).SequenceEqual(MemoryMarshal.AsBytes<float>(results[0])).Should().BeTrue("all ranks go on with one result");
            }

            (double worst, double meanSquare) = Errors(precision, inputs, results[0]);
            output.WriteLine($"{precision}, {transport}, {size} ranks, {length} values: worst {worst:F3} of the bound, rms {meanSquare:E2} of the sum's rms");
            worst.Should().BeLessThanOrEqualTo(size == 1 ? 0 : 1);
        }
    }

    [Theory]
    [InlineData(WirePrecision.BFloat16)]
    [InlineData(WirePrecision.Int8Blocks)]
    public void A_warm_sum_allocates_nothing(WirePrecision precision)
    {
        foreach (int size in new[] { 2, 4 })
        {
            using TestGroup group = RankGroup.Connect("tcp", size, precision: precision);
            long[] allocated = new long[size];
            group.Run(collective =>
            {
                float[] small = new float[500], large = new float[200_000];
                for (int i = 0; i < 40; i++)
                {
                    if (i == 30)
                    {
                        allocated[collective.Rank] = GC.GetAllocatedBytesForCurrentThread();
                    }

                    collective.AllReduceSum(small);
                    collective.AllReduceSum(large);
                }

                allocated[collective.Rank] = GC.GetAllocatedBytesForCurrentThread() - allocated[collective.Rank];
            });
            allocated.Should().AllBeEquivalentTo(0L);
        }
    }

    [Theory]
    [InlineData(WirePrecision.BFloat16)]
    [InlineData(WirePrecision.Int8Blocks)]
    public void Infinities_and_nans_are_not_turned_into_numbers(WirePrecision precision)
    {
        using TestGroup group = RankGroup.Connect("in-process", 2, precision: precision);
        float[][] values = [[.. Enumerable.Repeat(1f, 64)], [.. Enumerable.Repeat(2f, 64)]];
        values[0][3] = float.NaN;
        values[1][40] = float.PositiveInfinity;

        group.Run(collective => collective.AllReduceSum(values[collective.Rank]));

        values[0].Should().Equal(values[1]);
        float.IsNaN(values[0][3]).Should().BeTrue();
        float.IsFinite(values[0][40]).Should().BeFalse();
    }

    [Fact]
    public void Numbers_that_the_format_holds_pass_unchanged()
    {
        float[] halves = [0, -0f, 1, -1.5f, 3.0e38f * 0.5f, float.PositiveInfinity, float.NegativeInfinity];
        for (int i = 0; i < halves.Length; i++)
        {
            halves[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(halves[i]) & 0xFFFF_0000);
        }

        RoundTrip(WirePrecision.BFloat16, halves).Should().Equal(halves);
        float[] bytes = [.. Enumerable.Range(-127, 255).Select(value => value * 0.25f)];
        bytes = [.. bytes.Chunk(31).SelectMany(chunk => chunk.Append(-127 * 0.25f))]; // The largest magnitude is in every block.
        RoundTrip(WirePrecision.Int8Blocks, bytes).Should().Equal(bytes);
        RoundTrip(WirePrecision.Int8Blocks, new float[40]).Should().Equal(new float[40]);
        RoundTrip(WirePrecision.Int8Blocks, [1e-39f, float.Epsilon]).Should().Equal(0, 0);
    }

    [Theory]
    [InlineData(0x3F80_8000u, 0x3F80u)] // Half way, to even: down.
    [InlineData(0x3F81_8000u, 0x3F82u)] // Half way, to even: up.
    [InlineData(0x3F80_8001u, 0x3F81u)]
    [InlineData(0x7F7F_FFFFu, 0x7F80u)] // Beyond the largest.
    [InlineData(0x7F80_0001u, 0x7FC0u)] // A NaN whose payload lies in the lower half.
    [InlineData(0xFFFF_FFFFu, 0xFFFFu)]
    public void Bfloat16_rounds_to_nearest_even(uint bits, uint expected)
    {
        WireFormat format = WireFormat.Of(WirePrecision.BFloat16)!;
        foreach (int length in new[] { 1, 64 }) // Value by value, and by vectors.
        {
            float[] values = [.. Enumerable.Repeat(BitConverter.UInt32BitsToSingle(bits), length)];
            byte[] wire = new byte[format.ByteCount(length)];
            format.Encode(values, wire);
            MemoryMarshal.Cast<byte, ushort>(wire).ToArray().Should().AllBeEquivalentTo((ushort)expected);
        }
    }

    [Fact]
    public void Ranks_that_disagree_on_the_precision_are_told_so()
    {
        using TestGroup exact = RankGroup.ConnectMixed("tcp", [WirePrecision.Float32, WirePrecision.BFloat16]);
        IReadOnlyList<Exception?> failures = exact.Catch(collective => collective.AllReduceSum(new float[10]));
        failures.Should().Contain(failure => failure is ProtocolException);
        failures.OfType<ProtocolException>().First().Message.Should().Contain("ReduceBFloat16");
    }

    private static float[] RoundTrip(WirePrecision precision, float[] values)
    {
        WireFormat format = WireFormat.Of(precision)!;
        byte[] wire = new byte[format.ByteCount(values.Length)];
        format.Encode(values, wire);
        float[] result = new float[values.Length];
        format.Decode(wire, result);
        return result;
    }

    /// <summary>The largest error as a share of what is documented, and the root of the mean square against the sum's.</summary>
    private static (double Worst, double MeanSquare) Errors(WirePrecision precision, float[][] inputs, float[] result)
    {
        const int Block = 32;
        double worst = 0, squares = 0, sums = 0;
        for (int i = 0; i < result.Length; i++)
        {
            int start = i / Block * Block;
            int end = Math.Min(start + Block, result.Length);
            double Bound(Func<int, double> value) => precision == WirePrecision.BFloat16
                ? Math.Abs(value(i)) / 256
                : Enumerable.Range(start, end - start).Max(k => Math.Abs(value(k))) / 254;
            double exact = inputs.Sum(input => (double)input[i]);

            // Each contribution once, and with more than two ranks perhaps the sum; what float32 itself rounds is far below.
            double bound = (inputs.Sum(input => Bound(k => input[k])) + (inputs.Length > 2 ? 1.02 * Bound(k => result[k]) : 0)) * 1.001;
            double error = Math.Abs(result[i] - exact);
            worst = error == 0 ? worst : Math.Max(worst, inputs.Length == 1 ? double.PositiveInfinity : error / bound);
            squares += error * error;
            sums += exact * exact;
        }

        return (worst, sums == 0 ? 0 : Math.Sqrt(squares / sums));
    }

    private static float[] Normal(int length, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}
