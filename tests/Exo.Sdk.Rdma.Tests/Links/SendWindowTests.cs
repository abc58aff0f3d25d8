using System.Diagnostics;
using Exo.Sdk.Rdma.Links;

namespace Exo.Sdk.Rdma.Tests.Links;

public sealed class SendWindowTests
{
    private const int Depth = 8;
    private const int Receives = Depth + 8;

    [Fact]
    public void It_is_full_at_its_depth_until_the_peer_has_consumed()
    {
        SendWindow window = new(Depth, Receives, lossy: true);
        SendAndComplete(window, Depth);
        window.HasRoom.Should().BeFalse();
        window.Take(new SlotHeader { Acknowledged = Depth, Consumed = 3, Seen = Depth }, 0).Should().BeTrue();
        window.IsSettled.Should().BeTrue("all have arrived");
        SendAndComplete(window, 3);
        window.HasRoom.Should().BeFalse("arrived is not consumed");
    }

    [Fact]
    public void It_never_outruns_the_receives_that_the_peer_keeps_posted()
    {
        SendWindow window = new(Depth, Receives, lossy: true);
        int transmissions = 0;
        for (; window.HasRoomForReport; transmissions++)
        {
            window.SendReport();
        }

        transmissions.Should().Be(Receives);
        window.HasRoom.Should().BeFalse();
        window.Take(new SlotHeader { Seen = Receives }, 0).Should().BeTrue();
        window.HasRoom.Should().BeTrue();
    }

    [Fact]
    public void A_slot_is_not_reused_while_the_device_reads_it()
    {
        SendWindow window = new(1, Receives, lossy: false);
        window.Send(0, out _).Should().Be(0);
        window.Take(new SlotHeader { Acknowledged = 1, Consumed = 1, Seen = 1 }, 0).Should().BeTrue();
        window.HasRoom.Should().BeFalse("the completion is still missing");
        window.Complete(0).Should().BeTrue();
        window.HasRoom.Should().BeTrue();
        window.Complete(0).Should().BeFalse("nothing more was posted");
    }

    [Fact]
    public void What_was_overtaken_and_has_not_arrived_is_sent_again_once()
    {
        SendWindow window = new(Depth, Receives, lossy: true);
        SendAndComplete(window, 5);

        // 0 and 3 arrived, 1 and 2 did not, of 4 nothing is known.
        window.Take(new SlotHeader { Acknowledged = 1, Seen = 4, ArrivedLow = 0b10 }, 0).Should().BeTrue();
        window.FindLost(0).Should().Be(1);
        window.Repeat(1, 0, out uint transmission);
        transmission.Should().Be(5);
        window.FindLost(0).Should().Be(2);
        window.Repeat(2, 0, out _);
        window.FindLost(0).Should().Be(-1);
        window.Complete(1);
        window.Complete(2);
        window.FindLost(0).Should().Be(-1, "they were sent after what the peer reported");
        window.Repeated.Should().Be(2);
    }

    [Fact]
    public void The_last_message_is_sent_again_after_a_while_and_then_less_and_less_often()
    {
        SendWindow window = new(Depth, Receives, lossy: true);
        SendAndComplete(window, 1);
        long step = Stopwatch.Frequency / 1000;
        List<long> repeats = [];
        for (long now = 0; now < Stopwatch.Frequency; now += step)
        {
            if (window.FindLost(now) == 0)
            {
                repeats.Add(now / step);
                window.Repeat(0, now, out _);
                window.Complete(0);
            }
        }

        repeats.Should().HaveCountGreaterThan(3);
        repeats.Zip(repeats.Skip(1), (a, b) => b - a).Should().BeInAscendingOrder();
        new SendWindow(Depth, Receives, lossy: false).FindLost(long.MaxValue).Should().Be(-1);
    }

    [Fact]
    public void Old_reports_change_nothing_and_impossible_ones_are_refused()
    {
        SendWindow window = new(Depth, Receives, lossy: true);
        SendAndComplete(window, 4);
        window.Take(new SlotHeader { Acknowledged = 4, Consumed = 2, Seen = 4 }, 0).Should().BeTrue();
        window.Take(new SlotHeader { Acknowledged = 1, Consumed = 0, Seen = 2 }, 0).Should().BeTrue();
        (window.Acknowledged, window.Consumed, window.Seen).Should().Be((4u, 2u, 4u));
        window.Take(new SlotHeader { Acknowledged = 5, Seen = 4 }, 0).Should().BeFalse("5 were never sent");
        window.Take(new SlotHeader { Acknowledged = 4, Seen = 5 }, 0).Should().BeFalse();
        window.Take(new SlotHeader { Acknowledged = 3, Consumed = 4, Seen = 4 }, 0).Should().BeFalse();
    }

    private static void SendAndComplete(SendWindow window, int count)
    {
        for (int i = 0; i < count; i++)
        {
            window.HasRoom.Should().BeTrue();
            window.Complete(window.Send(0, out _)).Should().BeTrue();
        }
    }
}
