using System.Runtime.InteropServices;

namespace Exo.Sdk.Testing.Conformance.Collectives;

/// <summary>What <see cref="ICollective.AllReduceSum"/> promises.</summary>
internal static class SumChecks
{
    public static async Task HasTheBitsOfTheRankOrder(GroupSource groups, int size, Action<string> log)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        foreach (int length in (int[])[0, 1, 3, 17, 1000, 1011, 1012, 1013, 4096, 16384, 16385, Math.Min((1 << 20) + 1, groups.Options.LargestMessageBytes / 4)])
        {
            float[][] parts = [.. Enumerable.Range(0, size).Select(rank => GroupSource.Values(length, (1000 * rank) + length))];
            float[] expected = GroupSource.SumInRankOrder(parts);
            float[][] results = [.. parts.Select(static part => (float[])part.Clone())];
            group.Run(collective => collective.AllReduceSum(results[collective.Rank]));
            for (int rank = 0; rank < size; rank++)
            {
                // As whole numbers, because equal bits are meant and not equal values.
                Expect.Same(
                    MemoryMarshal.Cast<float, int>(results[rank]), MemoryMarshal.Cast<float, int>(expected), $"the bits of {length} summed values on rank {rank} of {size}");
            }

            double worst = WorstError(parts, results[0]);
            log($"{size} ranks, {length} values: largest error {worst:E2} of the sum of magnitudes");
            Expect.That(worst < size * 6e-8, "one rounding for each addition", $"{worst:E2} of the sum of magnitudes");
        }
    }

    public static async Task PassesLongSums(GroupSource groups, int size)
    {
        int length = groups.Options.LargestMessageBytes / sizeof(float);
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        float[][] values = [.. Enumerable.Range(0, size).Select(_ => new float[length])];
        group.Run(collective =>
        {
            float[] mine = values[collective.Rank];
            for (int i = 0; i < mine.Length; i++)
            {
                mine[i] = i % 1013 * (collective.Rank + 1);
            }

            collective.AllReduceSum(mine);
        });
        int total = size * (size + 1) / 2;
        foreach (float[] result in values)
        {
            for (int i = 0; i < length; i++)
            {
                if (result[i] != i % 1013 * total)
                {
                    throw new Mismatch($"value {i} of {length} to be {i % 1013 * total}", $"{result[i]}");
                }
            }
        }
    }

    public static async Task PassesSpecialValues(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(3).ConfigureAwait(false);
        float[][] values = [[float.PositiveInfinity, 1, float.NaN, -0f], [1, float.NegativeInfinity, 1, -0f], [float.NegativeInfinity, 1, 1, -0f]];
        group.Run(collective => collective.AllReduceSum(values[collective.Rank]));
        foreach (float[] result in values)
        {
            Expect.That(float.IsNaN(result[0]), "∞ + 1 − ∞ to be NaN", $"{result[0]}");
            Expect.Equal(result[1], float.NegativeInfinity, "1 − ∞ + 1");
            Expect.That(float.IsNaN(result[2]), "NaN + 1 + 1 to be NaN", $"{result[2]}");
            Expect.Equal(BitConverter.SingleToInt32Bits(result[3]), BitConverter.SingleToInt32Bits(-0f), "the bits of −0 − 0 − 0, with no zero added at the start,");
        }
    }

    public static async Task SumsBehindOddMessages(GroupSource groups, int size)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        for (int odd = 1; odd < 5; odd++)
        {
            foreach (int length in (int[])[1, 5000, 15_000, 300_001])
            {
                float[][] values = [.. Enumerable.Range(0, size).Select(rank => GroupSource.Values(length, rank + length + odd))];
                float[] expected = GroupSource.SumInRankOrder(values);
                group.Run(collective =>
                {
                    byte[] message = new byte[odd];
                    collective.Broadcast(message, 0);
                    collective.AllReduceSum(values[collective.Rank]);
                    collective.Broadcast(message, size - 1);
                });
                foreach (float[] result in values)
                {
                    Expect.Same<float>(result, expected, $"a sum of {length} values behind {odd} bytes");
                }
            }
        }
    }

    public static async Task AllocatesNothing(GroupSource groups, int size, Action<string> log)
    {
        const int Warm = 100;
        const int Rounds = 50;
        const int Operations = 5;
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        long[] allocated = new long[size];
        group.Run(collective =>
        {
            float[] small = new float[2048], large = new float[100_000], gathered = new float[64 * size];
            int[] counts = [.. Enumerable.Repeat(64, size)];
            for (int round = 0; round < Warm + Rounds; round++)
            {
                if (round == Warm)
                {
                    allocated[collective.Rank] = GC.GetAllocatedBytesForCurrentThread();
                }

                collective.AllReduceSum(small);
                collective.AllReduceSum(large);
                collective.AllGather(small.AsSpan(0, 64), gathered, counts);
                collective.Broadcast(MemoryMarshal.AsBytes(small.AsSpan()), 0);
                collective.Barrier();
            }

            allocated[collective.Rank] = GC.GetAllocatedBytesForCurrentThread() - allocated[collective.Rank];
        });
        log($"{size} ranks, {Rounds * Operations} operations: {string.Join(", ", allocated)} bytes");
        long allowed = (long)Rounds * Operations * groups.Options.AllocatedBytesPerOperation;
        Expect.That(allocated.All(bytes => bytes <= allowed), $"at most {allowed} bytes by each rank in {Rounds * Operations} operations", string.Join(", ", allocated));
    }

    private static double WorstError(float[][] parts, float[] result)
    {
        double worst = 0;
        for (int i = 0; i < result.Length; i++)
        {
            double exact = 0;
            double magnitude = 0;
            foreach (float[] part in parts)
            {
                exact += part[i];
                magnitude += Math.Abs((double)part[i]);
            }

            worst = magnitude == 0 ? worst : Math.Max(worst, Math.Abs(result[i] - exact) / magnitude);
        }

        return worst;
    }
}
