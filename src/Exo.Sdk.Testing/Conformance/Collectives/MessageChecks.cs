namespace Exo.Sdk.Testing.Conformance.Collectives;

/// <summary>What the operations promise that move values unchanged.</summary>
internal static class MessageChecks
{
    public static async Task JoinsPartsInRankOrder(GroupSource groups, int size)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        foreach (int scale in (int[])[0, 1, 100, 30_000])
        {
            int[] counts = [.. Enumerable.Range(0, size).Select(rank => rank % 3 == 1 ? 0 : scale + rank)];
            float[][] parts = [.. counts.Select(static (count, rank) => GroupSource.Values(count, rank))];
            float[] expected = [.. parts.SelectMany(static part => part)];
            group.Run(collective =>
            {
                float[] all = new float[expected.Length];
                collective.AllGather(parts[collective.Rank], all, counts);
                Expect.Same<float>(all, expected, "joined parts");

                // In place: this rank's part already stands where it belongs.
                Array.Clear(all);
                Span<float> mine = all.AsSpan(counts.Take(collective.Rank).Sum(), counts[collective.Rank]);
                parts[collective.Rank].CopyTo(mine);
                collective.AllGather(mine, all, counts);
                Expect.Same<float>(all, expected, "parts joined in place");
            });
        }
    }

    public static async Task BroadcastsFromEveryRoot(GroupSource groups, int size)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        group.Run(collective =>
        {
            foreach (int length in (int[])[0, 1, 5000, 700_001])
            {
                for (int root = 0; root < size; root++)
                {
                    byte[] expected = GroupSource.Bytes(length, length + root);
                    byte[] message = collective.Rank == root ? [.. expected] : new byte[length];
                    collective.Broadcast(message, root);
                    Expect.Same<byte>(message, expected, $"a broadcast of rank {root} on rank {collective.Rank}");
                }
            }
        });
    }

    public static async Task HoldsABarrier(GroupSource groups, int size)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        int arrived = 0;
        group.Run(collective =>
        {
            for (int round = 1; round <= 50; round++)
            {
                Interlocked.Increment(ref arrived);
                collective.Barrier();
                int seen = Volatile.Read(ref arrived);
                Expect.That(seen >= round * size, $"{round * size} arrivals behind barrier {round}", $"{seen}");
                collective.Barrier();
            }
        });
    }

    public static async Task PassesMessagesRound(GroupSource groups, int size)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        group.Run(collective =>
        {
            int next = (collective.Rank + 1) % size;
            int previous = (collective.Rank + size - 1) % size;
            byte[] token = new byte[3];
            for (byte lap = 0; lap < 50; lap++)
            {
                if (collective.Rank == 0)
                {
                    collective.Send([lap, 1, 2], next);
                    collective.Receive(token, previous);
                    Expect.Same<byte>(token, [lap, (byte)size, 2], $"the token of lap {lap}");
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

    public static async Task SendsBeforeItReceives(GroupSource groups, int size)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        group.Run(collective =>
        {
            int next = (collective.Rank + 1) % size;
            int previous = (collective.Rank + size - 1) % size;
            byte[] buffer = new byte[groups.Options.LargestMessageBytes];
            buffer.AsSpan().Fill((byte)collective.Rank);
            buffer[^1] = 99;
            collective.Send(buffer, next);
            buffer.AsSpan().Clear();
            collective.Receive(buffer, previous);
            int wrong = buffer.AsSpan(0, buffer.Length - 1).IndexOfAnyExcept((byte)previous);
            Expect.That(wrong < 0 && buffer[^1] == 99, $"the bytes that rank {previous} sent", $"another byte at {wrong}, and {buffer[^1]} at the end");
            collective.Barrier();
        });
    }

    public static async Task KeepsEarlyMessagesInOrder(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(2).ConfigureAwait(false);
        group.Run(collective =>
        {
            byte[] big = new byte[groups.Options.LargestMessageBytes];
            byte[] small = new byte[1];
            int other = 1 - collective.Rank;
            collective.Send([1], other);
            collective.Send(big, other);
            collective.Send([2], other);
            collective.WaitForMessage(other);
            collective.Receive(small, other);
            Expect.Equal(small[0], 1, "the first message");
            collective.Receive(big, other);
            collective.Receive(small, other);
            Expect.Equal(small[0], 2, "the last message");
            float[] sum = [collective.Rank + 1];
            collective.AllReduceSum(sum);
            Expect.Equal(sum[0], 3, "the sum behind them");
        });
    }

    public static async Task WorksAlone(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(1).ConfigureAwait(false);
        ICollective alone = group.Ranks[0];
        float[] values = [1, 2];
        alone.AllReduceSum(values);
        alone.AllGather([7f], values.AsSpan(0, 1), [1]);
        alone.Broadcast(new byte[1], 0);
        alone.Barrier();
        Expect.Same<float>(values, [7, 2], "what one rank sums and joins");
        alone.Dispose();
        alone.Dispose();
        Expect.Throws<ObjectDisposedException>(() => alone.AllReduceSum(values), "a sum after Dispose");
    }
}
