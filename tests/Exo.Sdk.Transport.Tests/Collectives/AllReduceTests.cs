using System.Runtime.InteropServices;
using Xunit.Abstractions;

namespace Exo.Sdk.Transport.Tests.Collectives;

public sealed class AllReduceTests(ITestOutputHelper output)
{
    private static readonly int[] Lengths = [0, 1, 3, 17, 1000, 4096, 16384, 16385, (1 << 20) + 1];

    public static TheoryData<string, int> Groups()
    {
        TheoryData<string, int> data = [];
        foreach (string transport in new[] { "tcp", "tcp-managed", "shared-memory", "in-process" })
        {
            foreach (int size in new[] { 1, 2, 3, 4, 5, 8 })
            {
                data.Add(transport, size);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Every_rank_gets_the_bits_of_the_sum_in_rank_order(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        foreach (int length in Lengths)
        {
            float[][] inputs = [.. Enumerable.Range(0, size).Select(rank => RandomValues(length, seed: (1000 * rank) + length))];
            float[] expected = SumInRankOrder(inputs);
            float[][] results = [.. inputs.Select(input => (float[])input.Clone())];

            group.Run(collective => collective.AllReduceSum(results[collective.Rank]));

            for (int rank = 0; rank < size; rank++)
            {
                MemoryMarshal.AsBytes<float>(results[rank]).SequenceEqual(MemoryMarshal.AsBytes<float>(expected))
                    .Should().BeTrue($"rank {rank} of {size}, {length} values, must hold the rank-order sum bit for bit");
            }

            double worst = WorstRelativeError(inputs, results[0]);
            output.WriteLine($"{transport}, {size} ranks, {length} values: largest error {worst:E2} of the sum of magnitudes");
            worst.Should().BeLessThan(size * 6e-8, "each addition rounds once");
        }
    }

    [Theory]
    [InlineData("tcp", 2, 64)]
    [InlineData("tcp", 3, 16)]
    [InlineData("shared-memory", 2, 64)]
    [InlineData("shared-memory", 3, 16)]
    [InlineData("in-process", 2, 64)]
    [InlineData("in-process", 3, 16)]
    public void A_sum_far_larger_than_the_windows_passes(string transport, int size, int mebibytes)
    {
        int length = mebibytes << 18;
        using RankGroup group = RankGroup.Connect(transport, size);
        float[][] values = [.. Enumerable.Range(0, size).Select(_ => new float[length])];
        group.Run(collective =>
        {
            float[] mine = values[collective.Rank];
            for (int i = 0; i < mine.Length; i++)
            {
                mine[i] = (i % 1013) * (collective.Rank + 1);
            }

            collective.AllReduceSum(mine);
        });

        int total = size * (size + 1) / 2;
        foreach (float[] result in values)
        {
            int wrong = 0;
            for (int i = 0; i < length; i++)
            {
                wrong += result[i] == (i % 1013) * total ? 0 : 1;
            }

            wrong.Should().Be(0);
        }
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void Infinities_and_nans_pass_through_like_any_value(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 3);
        float[][] values = [[float.PositiveInfinity, 1, float.NaN, -0f], [1, float.NegativeInfinity, 1, -0f], [float.NegativeInfinity, 1, 1, -0f]];

        group.Run(collective => collective.AllReduceSum(values[collective.Rank]));

        foreach (float[] result in values)
        {
            result[0].Should().Be(float.NaN);
            result[1].Should().Be(float.NegativeInfinity);
            result[2].Should().Be(float.NaN);
            BitConverter.SingleToInt32Bits(result[3]).Should().Be(BitConverter.SingleToInt32Bits(-0f), "no zero is added at the start");
        }
    }

    [Theory]
    [InlineData("tcp", 2)]
    [InlineData("tcp", 4)]
    [InlineData("shared-memory", 2)]
    [InlineData("shared-memory", 4)]
    [InlineData("in-process", 2)]
    [InlineData("in-process", 4)]
    public void A_warm_sum_allocates_nothing(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        long[] allocated = new long[size];
        group.Run(collective =>
        {
            float[] small = new float[2048], large = new float[200_000], gathered = new float[64 * size];
            int[] counts = [.. Enumerable.Repeat(64, size)];
            void Round()
            {
                collective.AllReduceSum(small);
                collective.AllReduceSum(large);
                collective.AllGather(small.AsSpan(0, 64), gathered, counts);
                collective.Broadcast(MemoryMarshal.AsBytes(small.AsSpan()), 0);
                collective.Barrier();
            }

            for (int i = 0; i < 30; i++)
            {
                Round();
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20; i++)
            {
                Round();
            }

            allocated[collective.Rank] = GC.GetAllocatedBytesForCurrentThread() - before;
        });

        allocated.Should().AllBeEquivalentTo(0L);
    }

    [Theory]
    [InlineData("tcp", 3)]
    [InlineData("shared-memory", 2)]
    [InlineData("shared-memory", 3)]
    [InlineData("in-process", 2)]
    public void Sums_behind_messages_of_odd_length_are_right(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        for (int odd = 1; odd < 5; odd++)
        {
            byte[][] messages = [.. Enumerable.Range(0, size).Select(_ => new byte[odd])];
            foreach (int length in new[] { 1, 5000, 15_000, 300_001 })
            {
                float[][] inputs = [.. Enumerable.Range(0, size).Select(rank => RandomValues(length, seed: rank + length + odd))];
                float[] expected = SumInRankOrder(inputs);
                group.Run(collective =>
                {
                    collective.Broadcast(messages[collective.Rank], 0);
                    collective.AllReduceSum(inputs[collective.Rank]);
                    collective.Broadcast(messages[collective.Rank], size - 1);
                });
                Array.TrueForAll(inputs, result => result.AsSpan().SequenceEqual(expected)).Should().BeTrue();
            }
        }
    }

    internal static float[] RandomValues(int length, int seed)
    {
        Random random = new(seed);
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
        {
            // Magnitudes from 1e-3 to 1e3, so that the order of additions shows in the last bits.
            values[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4)));
        }

        return values;
    }

    internal static float[] SumInRankOrder(float[][] inputs)
    {
        float[] sum = (float[])inputs[0].Clone();
        for (int rank = 1; rank < inputs.Length; rank++)
        {
            for (int i = 0; i < sum.Length; i++)
            {
                sum[i] += inputs[rank][i];
            }
        }

        return sum;
    }

    private static double WorstRelativeError(float[][] inputs, float[] result)
    {
        double worst = 0;
        for (int i = 0; i < result.Length; i++)
        {
            double exact = inputs.Sum(input => (double)input[i]);
            double magnitude = inputs.Sum(input => Math.Abs((double)input[i]));
            worst = magnitude == 0 ? worst : Math.Max(worst, Math.Abs(result[i] - exact) / magnitude);
        }

        return worst;
    }
}
