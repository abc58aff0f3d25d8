using Exo.Sdk.Testing;

namespace Exo.Sdk.Transport.Tests.Collectives;

/// <summary>What our collectives do beyond what <see cref="ICollective"/> promises; it is written once for all transports.</summary>
public sealed class CollectiveTests
{
    [Fact]
    public void Ranks_that_disagree_are_told_what_each_wants()
    {
        Expect(c => c.AllReduceSum(new float[c.Rank == 0 ? 10 : 11]), "Reduce of 40 bytes", "Reduce of 44 bytes");
        Expect(c => c.AllReduceSum(new float[c.Rank == 0 ? 100_000 : 100_001]), "400000 bytes", "400004 bytes");
        Expect(c => c.AllGather(new float[2], new float[c.Rank == 0 ? 4 : 3], c.Rank == 0 ? [2, 2] : [1, 2]), "Gather");
        Expect(
            c =>
            {
                if (c.Rank == 0)
                {
                    c.Barrier();
                }
                else
                {
                    c.AllReduceSum(new float[4]);
                }
            },
            "Barrier of 0 bytes",
            "Reduce of 16 bytes");

        static void Expect(Action<ICollective> action, params string[] words)
        {
            using TestGroup group = RankGroup.Connect("in-process", 2);
            group.Catch(action).Should().Contain(failure => failure is ProtocolException && words.All(word => failure.Message.Contains(word)));
            foreach (ICollective collective in group.Ranks)
            {
                collective.Invoking(c => c.Barrier()).Should().Throw<PeerLostException>("the group is dead").WithMessage("*disagree*");
            }
        }
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        using TestGroup group = RankGroup.Connect("in-process", 2);
        ICollective rank = group.Ranks[0];
        float[] two = new float[2], three = new float[3];
        rank.Invoking(c => c.AllGather(two, three, [2])).Should().Throw<ArgumentException>().WithParameterName("counts");
        rank.Invoking(c => c.AllGather(two, three, [1, 2])).Should().Throw<ArgumentException>().WithParameterName("mine");
        rank.Invoking(c => c.AllGather(two, three, [2, 2])).Should().Throw<ArgumentException>().WithParameterName("all");
        rank.Invoking(c => c.AllGather(three.AsSpan(1, 2), three, [2, 1])).Should().Throw<ArgumentException>("it overlaps elsewhere").WithParameterName("mine");
    }

    [Fact]
    public void Why_a_rank_is_lost_is_said()
    {
        using TestGroup group = RankGroup.Connect("in-process", 3);
        group.Ranks[0].Abort(2, "its heartbeat stopped");
        IReadOnlyList<Exception?> failures = group.Catch(collective => collective.Barrier());
        failures[1].Should().BeOfType<PeerLostException>().Which.Reason.Should().StartWith("its heartbeat stopped");
        failures[2].Should().BeOfType<PeerLostException>().Which.Reason.Should().Contain("gave this rank up");
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void A_second_thread_inside_an_operation_is_refused(string transport)
    {
        using TestGroup group = RankGroup.Connect(transport, 2);
        using ManualResetEventSlim done = new();
        Exception? refusal = null;
        Thread first = new(() =>
        {
            // Either thread may be the one that comes second, so both try until one is refused.
            while (!done.IsSet && Record.Exception(() => group.Ranks[0].WaitForMessage(1)) is { } refused)
            {
                Interlocked.CompareExchange(ref refusal, refused, null);
            }
        });
        first.Start();
        while (Volatile.Read(ref refusal) is null)
        {
            Exception? refused = Record.Exception(() => group.Ranks[0].Send([], 1));
            Interlocked.CompareExchange(ref refusal, refused, null);
        }

        done.Set();
        refusal.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Contain("one thread at a time");
        group.Ranks[1].Send([5], 0);
        first.Join(TimeSpan.FromSeconds(10)).Should().BeTrue();
        byte[] message = new byte[1];
        group.Ranks[0].Receive(message, 1);
        message[0].Should().Be(5, "the refusal did no harm");
    }
}
