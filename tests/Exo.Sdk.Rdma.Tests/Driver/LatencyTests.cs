using System.Diagnostics;
using Exo.Sdk.Rdma.Tests.Support;
using Xunit.Abstractions;

namespace Exo.Sdk.Rdma.Tests.Driver;

/// <summary>Prints how long sums take; eng/rdma-tests.sh prints the driver's own message latency beside it.</summary>
[Collection(DriverCollection.Name)]
public sealed class LatencyTests(ITestOutputHelper output)
{
    private const int Warmup = 100;
    private const int Rounds = 500;

    [CableTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void A_sum_of_16_KiB_is_timed(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(CableTests.Pair(connection));
        double[] microseconds = new double[Rounds];
        float[] last = [];
        group.Run(collective =>
        {
            float[] values = new float[4096];
            for (int round = -Warmup; round < Rounds; round++)
            {
                Array.Fill(values, collective.Rank + 1);
                long start = Stopwatch.GetTimestamp();
                collective.AllReduceSum(values);
                if (round >= 0 && collective.Rank == 0)
                {
                    microseconds[round] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
                }
            }

            if (collective.Rank == 0)
            {
                last = values;
            }
        });
        last.Should().OnlyContain(value => value == 3);
        Array.Sort(microseconds);
        output.WriteLine($"all-reduce of 16 KiB, 2 ranks, {connection}: median {microseconds[Rounds / 2]:F0} us, 90 % {microseconds[Rounds * 9 / 10]:F0} us, best {microseconds[0]:F0} us");
    }
}
