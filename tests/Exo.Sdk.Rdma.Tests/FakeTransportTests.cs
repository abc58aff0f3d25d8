using Exo.Sdk.Rdma.Tests.Support;

namespace Exo.Sdk.Rdma.Tests;

/// <summary>The whole transport over the verbs library in memory: all that a real device does, and faults on demand.</summary>
public sealed class FakeTransportTests : IDisposable
{
    private readonly FakeVerbs _fake = new();

    public void Dispose() => _fake.Dispose();

    [FakeTheory]
    [InlineData(RdmaConnection.Reliable, 2)]
    [InlineData(RdmaConnection.Reliable, 3)]
    [InlineData(RdmaConnection.Unreliable, 2)]
    [InlineData(RdmaConnection.Unreliable, 4)]
    public void Collectives_give_the_exact_result(RdmaConnection connection, int size)
    {
        using (RankGroup group = RankGroup.Connect(Options(connection), size))
        {
            CollectiveChecks.AllReduce(group, 0, 1, 2, 1000, 1011, 1012, 1013, 4096, 65_537, 300_000);
            CollectiveChecks.Exchange(group, 0, 1, 4031, 4032, 4033, 4047, 4048, 4049, 100_000);
            CollectiveChecks.Others(group);
        }

        _fake.Get("unposted").Should().Be(0, "a receive is always posted before the peer sends");
        _fake.ShouldBeEmpty();
    }

    [FakeTheory]
    [InlineData(1, 256)]
    [InlineData(1, 4096)]
    [InlineData(2, 1024)]
    [InlineData(5, 4096)]
    [InlineData(200, 512)]
    [InlineData(1024, 4096)]
    [InlineData(16, 65_536)]
    public void Any_depth_and_slot_size_works(int depth, int slotBytes)
    {
        using RankGroup group = RankGroup.Connect(Options(RdmaConnection.Unreliable) with { Depth = depth, SlotBytes = slotBytes }, 2);
        CollectiveChecks.AllReduce(group, 1, 5000, 40_000, 7);
        CollectiveChecks.Exchange(group, 1, 123_456);
        _fake.Get("unposted").Should().Be(0);
    }

    [FakeFact]
    public void Ranks_with_different_slots_and_depths_agree()
    {
        using RankGroup group = RankGroup.Connect([
            Options(RdmaConnection.Unreliable) with { Depth = 8, SlotBytes = 8192 },
            Options(RdmaConnection.Unreliable) with { Depth = 100, SlotBytes = 1024 },
            Options(RdmaConnection.Unreliable)]);
        CollectiveChecks.AllReduce(group, 1, 50_000);
    }

    [FakeTheory]
    [InlineData(10, 0, 0, 2)]
    [InlineData(200, 0, 0, 3)]
    [InlineData(0, 200, 0, 2)]
    [InlineData(0, 0, 200, 2)]
    [InlineData(100, 100, 100, 3)]
    public void What_an_unreliable_wire_does_is_repaired(int lose, int duplicate, int swap, int size)
    {
        _fake.Set("seed", 7);
        using RankGroup group = RankGroup.Connect(Options(RdmaConnection.Unreliable), size);
        _fake.Set("lose_permille", lose);
        _fake.Set("duplicate_permille", duplicate);
        _fake.Set("swap_permille", swap);
        CollectiveChecks.AllReduce(group, 1, 3000, 100_000, 1, 1, 1, 20_000);
        CollectiveChecks.Exchange(group, 1, 50_000, 3);
        CollectiveChecks.Others(group);
        (_fake.Get("lost") + _fake.Get("duplicated") + _fake.Get("swapped")).Should().BePositive("the wire was at fault");
        group.Repeated.Should().BeGreaterThanOrEqualTo(lose > 0 ? 1 : 0);
    }

    [FakeFact]
    public void The_last_message_of_a_rank_that_goes_idle_is_repaired()
    {
        using RankGroup group = RankGroup.Connect(Options(RdmaConnection.Unreliable), 2);
        byte[] message = new byte[10];
        Task receive = Task.Run(() => group.Ranks[1].Receive(message, 0));
        _fake.Set("black_hole", 1);
        group.Ranks[0].Send(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, 1); // Returns: the bytes are in a slot.
        _fake.Get("lost").Should().BePositive();
        _fake.Set("black_hole", 0);
        receive.Wait(RankGroup.Patience).Should().BeTrue("the sender's caretaker sends it again, though its rank does nothing");
        message.Should().Equal(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    }

    [FakeFact]
    public void What_was_sent_before_leaving_still_arrives()
    {
        RankGroup group = RankGroup.Connect(Options(RdmaConnection.Unreliable), 2);
        _fake.Set("seed", 3);
        _fake.Set("lose_permille", 300);
        byte[] sent = new byte[60_000];
        new Random(1).NextBytes(sent);
        group.Ranks[0].Send(sent, 1);
        Task leave = Task.Run(group.Ranks[0].Dispose);
        byte[] received = new byte[60_000];
        group.Ranks[1].Receive(received, 0);
        received.Should().Equal(sent);
        leave.Wait(RankGroup.Patience).Should().BeTrue();
        Action more = () => group.Ranks[1].Receive(received, 0);
        more.Should().Throw<PeerLostException>().Which.LostRank.Should().Be(0);
        group.Dispose();
        _fake.ShouldBeEmpty();
    }

    [FakeTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void A_wire_that_swallows_everything_ends_the_epoch_within_the_deadline(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Options(connection), 2, TimeSpan.FromMilliseconds(300));
        _fake.Set("black_hole", 1);
        Exception?[] failures = group.Catch(collective => collective.AllReduceSum(new float[5000]));
        failures.Should().AllBeOfType<PeerLostException>();
        Action later = () => group.Ranks[0].Barrier();
        later.Should().Throw<PeerLostException>("the group is dead for good");
    }

    [FakeTheory]
    [InlineData("garble_next", RdmaConnection.Reliable)]
    [InlineData("garble_next", RdmaConnection.Unreliable)]
    [InlineData("cut_next", RdmaConnection.Unreliable)]
    public void A_message_that_cannot_be_right_ends_the_epoch(string knob, RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Options(connection), 2);
        _fake.Set(knob, 1);
        Exception?[] failures = group.Catch(collective =>
        {
            for (int round = 0; round < 100; round++)
            {
                collective.AllReduceSum(new float[5000]);
            }
        });
        failures.Should().AllBeOfType<PeerLostException>();
        failures.OfType<PeerLostException>().Should().Contain(lost => lost.Reason.Contains("nonsense"));
    }

    [FakeTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void A_failed_completion_ends_the_epoch(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Options(connection), 2);
        _fake.Set("fail_next_send", 12);
        Exception?[] failures = group.Catch(collective => collective.AllReduceSum(new float[5000]));
        failures.Should().AllBeOfType<PeerLostException>();
        failures.OfType<PeerLostException>().Should().Contain(lost => lost.Reason.Contains("retry counter exceeded"));
    }

    [FakeFact]
    public void A_device_that_dies_ends_the_epoch_while_all_wait()
    {
        using RankGroup group = RankGroup.Connect(Options(RdmaConnection.Unreliable), 2);
        byte[] message = new byte[1];
        Task killer = Task.Run(async () =>
        {
            await Task.Delay(50);
            _fake.Set("kill_devices", 1);
        });
        Exception?[] failures = group.Catch(collective => collective.WaitForMessage(1 - collective.Rank));
        failures.Should().AllBeOfType<PeerLostException>();
        failures.OfType<PeerLostException>().Should().Contain(lost => lost.Reason.Contains("RDMA device fake"));
        killer.Wait();
    }

    [FakeFact]
    public void Many_groups_leave_nothing_behind()
    {
        for (int round = 0; round < 30; round++)
        {
            using RankGroup group = RankGroup.Connect(Options((RdmaConnection)(1 + (round % 2))), 2);
            CollectiveChecks.AllReduce(group, 3000);
        }

        _fake.ShouldBeEmpty();
    }

    private RdmaOptions Options(RdmaConnection connection) => new()
    {
        VerbsLibrary = _fake.Library,
        Connection = connection,
    };
}
