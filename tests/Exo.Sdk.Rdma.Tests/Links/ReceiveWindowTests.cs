using Exo.Sdk.Rdma.Links;

namespace Exo.Sdk.Rdma.Tests.Links;

public sealed class ReceiveWindowTests
{
    [Fact]
    public void Messages_are_taken_in_order_whatever_order_they_came_in()
    {
        ReceiveWindow window = new(8);
        window.Keep(2, 20).Should().Be(Arrival.Kept);
        window.First().Should().Be(-1);
        window.OwesReportNow.Should().BeTrue("there is a gap");
        window.Keep(0, 22).Should().Be(Arrival.Kept);
        window.Keep(1, 21).Should().Be(Arrival.Kept);
        foreach (int slot in (int[])[22, 21, 20])
        {
            window.First().Should().Be(slot);
            window.Consume();
        }

        window.First().Should().Be(-1);
        (window.Expected, window.Consumed).Should().Be((3u, 3u));
    }

    [Fact]
    public void A_repetition_is_told_from_a_message_and_reported_at_once()
    {
        ReceiveWindow window = new(8);
        window.Keep(0, 1);
        window.Keep(3, 2);
        SlotHeader header = default;
        window.Report(ref header);
        window.OwesReportNow.Should().BeFalse();
        window.Keep(0, 3).Should().Be(Arrival.Repeated);
        window.Keep(3, 4).Should().Be(Arrival.Repeated);
        window.Repeats.Should().Be(2);
        window.OwesReportNow.Should().BeTrue("the peer has missed a report");
    }

    [Fact]
    public void A_message_beyond_the_window_is_refused()
    {
        ReceiveWindow window = new(4);
        window.Keep(4, 1).Should().Be(Arrival.Refused);
        window.Keep(3, 1).Should().Be(Arrival.Kept);
        window.Keep(uint.MaxValue, 1).Should().Be(Arrival.Repeated, "it lies behind");
    }

    [Fact]
    public void The_report_says_what_arrived_behind_the_first_gap()
    {
        ReceiveWindow window = new(200);
        foreach (uint number in (uint[])[0, 1, 3, 66, 67, 130])
        {
            window.Keep(number, 1);
            window.Note(number, hasData: true);
        }

        SlotHeader header = default;
        window.Report(ref header);
        header.Acknowledged.Should().Be(2);
        header.Seen.Should().Be(131);
        header.ArrivedLow.Should().Be(1UL | (1UL << 63), "bit 0 stands for 3, bit 63 for 66");
        header.ArrivedHigh.Should().Be(1UL | (1UL << 63), "bit 0 stands for 67, bit 63 for 130");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(64)]
    [InlineData(1024)]
    public void Two_idle_ranks_stop_reporting_to_each_other(int depth)
    {
        ReceiveWindow[] sides = [new(depth), new(depth)];
        int[] owed = [2000, 0];
        int total = 0;
        while (owed[0] + owed[1] > 0 && total < 10_000)
        {
            int from = owed[0] > 0 ? 0 : 1;
            owed[from]--;
            total++;
            sides[1 - from].Note((uint)total, hasData: false);
            if (sides[1 - from].OwesReportNow)
            {
                SlotHeader header = default;
                sides[1 - from].Report(ref header);
                owed[1 - from]++;
            }
        }

        total.Should().BeLessThan(4000);
    }

    [Fact]
    public void A_random_wire_between_two_windows_delivers_everything_in_order()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            const int Depth = 6;
            SendWindow sender = new(Depth, Depth + 8, lossy: true);
            ReceiveWindow receiver = new(Depth);
            List<(uint Number, uint Transmission)> wire = [];
            uint[] numbers = new uint[Depth];
            uint delivered = 0;
            long now = 0;
            for (int step = 0; delivered < 200; step++)
            {
                step.Should().BeLessThan(200_000, "seed {0} must not stall", seed);
                now += System.Diagnostics.Stopwatch.Frequency / 2000;
                if (sender.HasRoom)
                {
                    int slot = sender.Send(now, out uint transmission);
                    numbers[slot] = sender.Next - 1;
                    wire.Add((numbers[slot], transmission));
                    sender.Complete(slot);
                }

                while (sender.FindLost(now) is var lost && lost >= 0)
                {
                    sender.Repeat(lost, now, out uint transmission);
                    wire.Add((numbers[lost], transmission));
                    sender.Complete(lost);
                }

                while (wire.Count > 0 && random.Next(3) > 0)
                {
                    int which = random.Next(Math.Min(wire.Count, 3));
                    (uint number, uint transmission) = wire[which];
                    if (random.Next(10) > 0)
                    {
                        wire.RemoveAt(which); // Else it comes once more.
                    }

                    if (random.Next(5) > 0)
                    {
                        receiver.Note(transmission, hasData: true);
                        receiver.Keep(number, (int)number).Should().NotBe(Arrival.Refused);
                    }
                }

                while (receiver.First() is var first && first >= 0 && random.Next(4) > 0)
                {
                    first.Should().Be((int)delivered++);
                    receiver.Consume();
                }

                if (random.Next(4) == 0)
                {
                    SlotHeader header = default;
                    receiver.Report(ref header);
                    if (random.Next(3) > 0)
                    {
                        sender.Take(header, now).Should().BeTrue();
                    }
                }
            }
        }
    }
}
