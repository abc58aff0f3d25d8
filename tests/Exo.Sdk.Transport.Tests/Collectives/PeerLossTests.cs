using System.Diagnostics;

namespace Exo.Sdk.Transport.Tests.Collectives;

public sealed class PeerLossTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    public static TheoryData<string> Transports() => ["tcp", "tcp-managed", "tcp-blocking", "shared-memory", "shared-memory-managed", "shared-memory-blocking", "in-process", "in-process-blocking"];

    [Theory]
    [MemberData(nameof(Transports))]
    public void A_rank_that_leaves_is_lost_to_all_others(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 3);
        Exception?[] failures = group.Catch(collective =>
        {
            collective.Barrier();
            if (collective.Rank == 1)
            {
                collective.Dispose();
                return;
            }

            collective.AllReduceSum(new float[100_000]);
        });

        failures[1].Should().BeNull();
        Lost(failures[0]).LostRank.Should().Be(1);
        Lost(failures[2]).LostRank.Should().Be(1);
        group.Ranks[0].Invoking(c => c.Barrier()).Should().Throw<PeerLostException>().Which.LostRank.Should().Be(1);
        group.Ranks[1].Invoking(c => c.Barrier()).Should().Throw<ObjectDisposedException>();
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void What_a_rank_sent_before_it_left_still_arrives(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 2);
        byte[] message = new byte[10_000];
        new Random(1).NextBytes(message);
        group.Ranks[0].Send(message, 1);
        group.Ranks[0].Dispose();

        byte[] received = new byte[10_000];
        group.Ranks[1].WaitForMessage(0);
        group.Ranks[1].Receive(received, 0);

        received.Should().Equal(message);
        group.Ranks[1].Invoking(c => c.WaitForMessage(0)).Should().Throw<PeerLostException>().WithMessage("*left the group*");
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void A_silent_rank_is_lost_when_the_deadline_has_passed(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 3, Short);
        using ManualResetEventSlim others = new();
        Stopwatch clock = Stopwatch.StartNew();
        Exception?[] failures = group.Catch(collective =>
        {
            if (collective.Rank == 2)
            {
                others.Wait(Patience); // Alive, but not in the operation.
                return;
            }

            try
            {
                collective.AllReduceSum(new float[500_000]);
            }
            finally
            {
                others.Set();
            }
        });

        clock.Elapsed.Should().BeGreaterThan(Short);
        Lost(failures[0]).LostRank.Should().Be(2);
        Lost(failures[1]).LostRank.Should().Be(2);
        (Lost(failures[0]).Reason + Lost(failures[1]).Reason).Should().Contain("silent for");

        PeerLostException own = Lost(Record.Exception(() => group.Ranks[2].Barrier()));
        own.LostRank.Should().Be(2, "a rank that was given up must not go on");
        own.Reason.Should().Contain("gave this rank up");
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void The_messenger_is_not_blamed(string transport)
    {
        // Rank 0 finds rank 2 lost while rank 1 waits for rank 0 alone.
        using RankGroup group = RankGroup.Connect(transport, 3, TimeSpan.FromSeconds(10));
        Exception?[] failures = group.Catch(collective =>
        {
            switch (collective.Rank)
            {
                case 0:
                    collective.Receive(new byte[1], 2);
                    break;
                case 1:
                    collective.WaitForMessage(0);
                    break;
                default:
                    collective.Dispose();
                    break;
            }
        });

        Lost(failures[0]).LostRank.Should().Be(2);
        Lost(failures[1]).LostRank.Should().Be(2);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void A_rank_that_leaves_inside_a_large_sum_is_the_one_that_is_named(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 4);
        group.Run(collective => collective.Barrier());
        Exception?[] failures = group.Catch(collective =>
        {
            if (collective.Rank == 3)
            {
                // Enters the sum, then is torn away by another thread.
                using Timer timer = new(_ => collective.Dispose(), null, 20, Timeout.Infinite);
                while (true)
                {
                    collective.AllReduceSum(new float[1_000_000]);
                }
            }

            while (true)
            {
                collective.AllReduceSum(new float[1_000_000]);
            }
        });

        failures[3].Should().BeOfType<ObjectDisposedException>();
        failures.Take(3).Select(failure => Lost(failure).LostRank).Should().AllBeEquivalentTo(3);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void An_abort_ends_every_wait_at_once_and_the_first_one_wins(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 3, Patience * 2);
        using CountdownEvent entered = new(3);
        Thread aborter = new(() =>
        {
            entered.Wait(Patience);
            group.Ranks[0].Abort(2, "its heartbeat stopped");
            group.Ranks[0].Abort(1, "too late");
        });
        aborter.Start();
        Stopwatch clock = Stopwatch.StartNew();
        Exception?[] failures = group.Catch(collective =>
        {
            entered.Signal();
            if (collective.Rank == 0)
            {
                collective.WaitForMessage(1);
            }
            else if (collective.Rank == 1)
            {
                collective.Receive(new byte[1], 0);
            }
            else
            {
                collective.Barrier();
            }
        });

        aborter.Join(Patience).Should().BeTrue();
        clock.Elapsed.Should().BeLessThan(Patience);
        failures.Select(failure => Lost(failure).LostRank).Should().AllBeEquivalentTo(2);
        Lost(failures[0]).Reason.Should().Be("its heartbeat stopped");
        Lost(failures[1]).Reason.Should().StartWith("its heartbeat stopped");
        Lost(failures[2]).Reason.Should().Contain("gave this rank up");
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void An_abort_outside_any_operation_is_seen_by_the_next_one(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 2);
        group.Ranks[0].Abort(1, "gone");

        Lost(Record.Exception(() => group.Ranks[0].AllReduceSum(new float[1]))).Reason.Should().Be("gone");
        Lost(Record.Exception(() => group.Ranks[1].AllReduceSum(new float[1]))).LostRank.Should().Be(1);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public void A_wait_for_a_message_outlasts_the_deadline(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 2, TimeSpan.FromMilliseconds(100));
        Thread waiter = new(() => group.Ranks[1].WaitForMessage(0));
        waiter.Start();

        waiter.Join(TimeSpan.FromMilliseconds(400)).Should().BeFalse("waiting for work has no deadline");
        group.Ranks[0].Send([1], 1);
        waiter.Join(Patience).Should().BeTrue();
    }

    private static PeerLostException Lost(Exception? failure) => failure.Should().BeOfType<PeerLostException>().Which;
}
