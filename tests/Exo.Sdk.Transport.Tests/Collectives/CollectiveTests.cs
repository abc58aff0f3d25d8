namespace Exo.Sdk.Transport.Tests.Collectives;

public sealed class CollectiveTests
{
    public static TheoryData<string, int> Groups() => new()
    {
        { "tcp", 1 }, { "tcp", 2 }, { "tcp", 3 }, { "tcp", 8 }, { "tcp-managed", 3 }, { "tcp-blocking", 2 },
        { "shared-memory", 1 }, { "shared-memory", 2 }, { "shared-memory", 3 }, { "shared-memory", 5 }, { "shared-memory-managed", 3 },
        { "shared-memory-blocking", 2 }, { "shared-memory-blocking", 4 },
        { "in-process", 1 }, { "in-process", 2 }, { "in-process", 3 }, { "in-process", 8 }, { "in-process-blocking", 2 },
    };

    [Theory]
    [MemberData(nameof(Groups))]
    public void Uneven_parts_are_joined_in_rank_order(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        foreach (int scale in new[] { 0, 1, 100, 30_000 })
        {
            int[] counts = [.. Enumerable.Range(0, size).Select(rank => rank % 3 == 1 ? 0 : scale + rank)];
            float[][] parts = [.. counts.Select((count, rank) => AllReduceTests.RandomValues(count, rank))];
            float[] expected = [.. parts.SelectMany(part => part)];
            group.Run(collective =>
            {
                float[] all = new float[expected.Length];
                collective.AllGather(parts[collective.Rank], all, counts);
                all.Should().Equal(expected);

                // In place: this rank's part already stands where it belongs.
                Array.Clear(all);
                int start = counts.Take(collective.Rank).Sum();
                Span<float> mine = all.AsSpan(start, counts[collective.Rank]);
                parts[collective.Rank].CopyTo(mine);
                collective.AllGather(mine, all, counts);
                all.Should().Equal(expected);
            });
        }
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void A_broadcast_reaches_every_rank_from_every_root(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        group.Run(collective =>
        {
            foreach (int length in new[] { 0, 1, 5000, 700_001 })
            {
                for (int root = 0; root < size; root++)
                {
                    byte[] expected = new byte[length];
                    new Random(length + root).NextBytes(expected);
                    byte[] message = collective.Rank == root ? [.. expected] : new byte[length];
                    collective.Broadcast(message, root);
                    message.AsSpan().SequenceEqual(expected).Should().BeTrue();
                }
            }
        });
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Messages_pass_round_a_ring_in_order(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        group.Run(collective =>
        {
            if (size == 1)
            {
                return;
            }

            int next = (collective.Rank + 1) % size, previous = (collective.Rank + size - 1) % size;
            byte[] token = new byte[3];
            for (byte lap = 0; lap < 50; lap++)
            {
                if (collective.Rank == 0)
                {
                    collective.Send([lap, 1, 2], next);
                    collective.Receive(token, previous);
                    token.Should().Equal(lap, (byte)size, 2);
                }
                else
                {
                    collective.WaitForMessage(previous);
                    collective.Receive(token, previous);
                    token[1]++;
                    collective.Send(token, next);
                }
            }
        });
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void Nobody_passes_a_barrier_before_everybody_has_come(string transport, int size)
    {
        using RankGroup group = RankGroup.Connect(transport, size);
        int arrived = 0;
        group.Run(collective =>
        {
            for (int round = 1; round <= 50; round++)
            {
                Interlocked.Increment(ref arrived);
                collective.Barrier();
                Volatile.Read(ref arrived).Should().BeGreaterThanOrEqualTo(round * size);
                collective.Barrier();
            }
        });
    }

    [Theory]
    [InlineData("tcp", 2, 64)]
    [InlineData("tcp-managed", 2, 16)]
    [InlineData("tcp", 3, 16)]
    [InlineData("shared-memory", 2, 64)]
    [InlineData("shared-memory", 3, 4)]
    [InlineData("in-process", 2, 64)]
    [InlineData("in-process", 3, 4)]
    public void Ranks_that_all_send_first_and_receive_second_do_not_wait_for_each_other(string transport, int size, int mebibytes)
    {
        int length = mebibytes << 20;
        using RankGroup group = RankGroup.Connect(transport, size);
        group.Run(collective =>
        {
            int next = (collective.Rank + 1) % size, previous = (collective.Rank + size - 1) % size;
            byte[] buffer = GC.AllocateUninitializedArray<byte>(length);
            buffer.AsSpan().Fill((byte)collective.Rank);
            buffer[^1] = 99;
            collective.Send(buffer, next);
            buffer.AsSpan().Clear();
            collective.Receive(buffer, previous);
            buffer.AsSpan(0, length - 1).IndexOfAnyExcept((byte)previous).Should().Be(-1);
            buffer[^1].Should().Be(99);
            collective.Barrier();
        });
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("tcp-managed")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void A_message_that_came_early_is_seen_by_a_wait_and_keeps_its_order(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 2);
        group.Run(collective =>
        {
            byte[] big = new byte[32 << 20];
            byte[] small = new byte[1];
            int other = 1 - collective.Rank;
            collective.Send([1], other);
            collective.Send(big, other);
            collective.Send([2], other);
            collective.WaitForMessage(other);
            collective.Receive(small, other);
            small[0].Should().Be(1);
            collective.Receive(big, other);
            collective.Receive(small, other);
            small[0].Should().Be(2);
            float[] sum = [collective.Rank + 1];
            collective.AllReduceSum(sum);
            sum[0].Should().Be(3);
        });
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void Wrong_arguments_are_refused_and_the_group_lives_on(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 2);
        ICollective rank = group.Ranks[0];
        float[] two = new float[2], three = new float[3];
        rank.Invoking(c => c.AllGather(two, three, [2])).Should().Throw<ArgumentException>().WithParameterName("counts");
        rank.Invoking(c => c.AllGather(two, three, [-1, 4])).Should().Throw<ArgumentException>().WithParameterName("counts");
        rank.Invoking(c => c.AllGather(two, three, [1, 2])).Should().Throw<ArgumentException>().WithParameterName("mine");
        rank.Invoking(c => c.AllGather(two, three, [2, 2])).Should().Throw<ArgumentException>().WithParameterName("all");
        rank.Invoking(c => c.AllGather(three.AsSpan(1, 2), three, [2, 1])).Should().Throw<ArgumentException>().WithParameterName("mine");
        rank.Invoking(c => c.Send([], 0)).Should().Throw<ArgumentOutOfRangeException>("a rank does not send to itself");
        rank.Invoking(c => c.Send([], 2)).Should().Throw<ArgumentOutOfRangeException>();
        rank.Invoking(c => c.Receive([], -1)).Should().Throw<ArgumentOutOfRangeException>();
        rank.Invoking(c => c.Broadcast([], 2)).Should().Throw<ArgumentOutOfRangeException>();
        rank.Invoking(c => c.WaitForMessage(0)).Should().Throw<ArgumentOutOfRangeException>();
        rank.Invoking(c => c.Abort(2, "x")).Should().Throw<ArgumentOutOfRangeException>();

        group.Run(collective => collective.Barrier());
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void Ranks_that_disagree_are_told_so(string transport)
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
        Expect(
            c =>
            {
                if (c.Rank == 0)
                {
                    c.Send(new byte[7], 1);
                    c.Barrier();
                }
                else
                {
                    c.Receive(new byte[8], 0);
                }
            },
            "Message of 8 bytes",
            "Message of 7 bytes");

        void Expect(Action<ICollective> action, params string[] words)
        {
            using RankGroup group = RankGroup.Connect(transport, 2);
            Exception?[] failures = group.Catch(action);
            failures.Should().Contain(failure => failure is ProtocolException && words.All(word => failure.Message.Contains(word)));
            failures.Should().OnlyContain(failure => failure == null || failure is ProtocolException || failure is PeerLostException);
            foreach (ICollective collective in group.Ranks)
            {
                collective.Invoking(c => c.Barrier()).Should().Throw<PeerLostException>("the group is dead").WithMessage("*disagree*");
            }
        }
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void A_second_thread_inside_an_operation_is_refused(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 2);
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

    [Theory]
    [InlineData("tcp")]
    [InlineData("shared-memory")]
    [InlineData("in-process")]
    public void A_group_of_one_needs_nobody(string transport)
    {
        using RankGroup group = RankGroup.Connect(transport, 1);
        ICollective alone = group.Ranks[0];
        float[] values = [1, 2];
        byte[] message = [3];
        alone.AllReduceSum(values);
        alone.AllGather([7f], values.AsSpan(0, 1), [1]);
        alone.Broadcast(message, 0);
        alone.Barrier();

        values.Should().Equal(7, 2);
        (alone.Rank, alone.Size, alone.Epoch).Should().Be((0, 1, 0x1_0000_0007ul));
        alone.Dispose();
        alone.Invoking(c => c.AllReduceSum(values)).Should().Throw<ObjectDisposedException>();
    }
}
