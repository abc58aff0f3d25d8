using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Planning;

public sealed class ShardPlanTextTests
{
    [Fact]
    public void A_plan_reads_as_a_table()
    {
        ShardPlan plan = new ShardPlanner().Plan(new SpecShape { Vocabulary = 1024 }.Build(), new PlanRequest
        {
            Devices =
            [
                new DeviceProfile { Name = "studio", AvailableMemory = 1L << 40 },
                new DeviceProfile { Name = "mini", AvailableMemory = 1L << 40 },
            ],
            Shares = [5, 3],
        });

        ShardPlanText.Render(plan).Should().Be("""
            rank  device  query heads  kv heads  channels  vocabulary   weights  KV cache   buffers     total
               0  studio         0..6      0..3    0..320      0..640  4.25 MiB  6.38 MiB  14.3 MiB  24.9 MiB
               1  mini           6..8      3..4  320..512   640..1024  2.25 MiB  2.12 MiB  5.51 MiB  9.89 MiB

            2 ranks, context 2048 tokens x 4 sequences, 1.06 KiB of KV cache a token, 6.51 MiB of weights, 7.62 MiB read a token at full context, 34.8 MiB together
            note: shares of 5:3 became 3:1 of the heads, 5:3 of the channels and 5:3 of the vocabulary

            """);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "0.98 KiB")]
    [InlineData(1536, "1.50 KiB")]
    [InlineData(612_368_384, "584 MiB")]
    [InlineData(13_207_024_435, "12.3 GiB")]
    [InlineData(long.MaxValue, "8388608 TiB")]
    public void Sizes_have_binary_units(long bytes, string expected) => ByteSize.Format(bytes).Should().Be(expected);
}
