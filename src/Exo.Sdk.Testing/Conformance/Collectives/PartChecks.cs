namespace Exo.Sdk.Testing.Conformance.Collectives;

/// <summary>What the parts of a divided group promise.</summary>
internal static class PartChecks
{
    public static async Task WorksInParts(GroupSource groups, int size, Action<string> log)
    {
        using TestGroup group = await groups.ConnectAsync(size).ConfigureAwait(false);
        long[] allocated = new long[size];
        group.Run(whole =>
        {
            // Neighbors, counted backwards: 4 ranks become {1, 0} and {3, 2}; an odd last one stays alone.
            int color = whole.Rank / 2;
            ICollective pair = whole.Split(color, -whole.Rank)!;
            int[] members = [.. Enumerable.Range(0, size).Where(rank => rank / 2 == color).Reverse()];
            Expect.Equal(pair.Size, members.Length, "the ranks of a part");
            Expect.Equal(members[pair.Rank], whole.Rank, "this rank in the order of the keys");
            Expect.Equal(pair.Epoch, whole.Epoch, "the epoch of a part");

            // All but rank 0, and of those the even ones.
            ICollective? rest = whole.Split(whole.Rank == 0 ? -1 : 7, 0);
            Expect.Equal(rest is null, whole.Rank == 0, "no part where none is asked for");
            ICollective? even = rest?.Split(whole.Rank % 2 == 0 ? 1 : -1, 0);
            int[] evens = [.. Enumerable.Range(1, size - 1).Where(static rank => rank % 2 == 0)];

            foreach (int length in (int[])[1, 1000, 40_000])
            {
                Sum(pair, members, whole.Rank, length + color);
                Sum(whole, [.. Enumerable.Range(0, size)], whole.Rank, length);
                if (rest is not null)
                {
                    Sum(rest, [.. Enumerable.Range(1, size - 1)], whole.Rank, length);
                }

                if (even is not null)
                {
                    Sum(even, evens, whole.Rank, length);
                }

                byte[] expected = GroupSource.Bytes(length, members[0]);
                byte[] message = pair.Rank == 0 ? [.. expected] : new byte[length];
                pair.Broadcast(message, 0);
                Expect.Same<byte>(message, expected, "a broadcast within a part");
                float[] joined = new float[members.Length];
                pair.AllGather([whole.Rank], joined, [.. members.Select(static _ => 1)]);
                Expect.Same<float>(joined, [.. members.Select(static rank => (float)rank)], "what a part joined");
            }

            // A message within a part comes early for a message of the whole, and the other way round.
            if (pair.Size == 2)
            {
                pair.Send([1], 1 - pair.Rank);
                whole.Send([2], members[1 - pair.Rank]);
                pair.WaitForMessage(1 - pair.Rank);
                byte[] got = new byte[1];
                pair.Receive(got, 1 - pair.Rank);
                Expect.Equal(got[0], 1, "the part's message");
                whole.Receive(got, members[1 - pair.Rank]);
                Expect.Equal(got[0], 2, "the group's message");
            }

            float[] values = new float[300];
            pair.AllReduceSum(values);
            whole.AllReduceSum(values);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 20; i++)
            {
                pair.AllReduceSum(values);
                whole.AllReduceSum(values);
            }

            allocated[whole.Rank] = GC.GetAllocatedBytesForCurrentThread() - before;
            whole.Barrier();
        });
        log($"bytes allocated by 20 sums of each: {string.Join(", ", allocated)}");
        Expect.Equal(allocated.Max(), 0, "bytes that warm sums of parts allocate");
    }

    public static async Task DividesOne(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(1).ConfigureAwait(false);
        ICollective part = group.Ranks[0].Split(3, 9)!;
        float[] values = [5];
        part.AllReduceSum(values);
        Expect.Equal((part.Rank, part.Size, values[0]), (0, 1, 5f), "rank, size and sum of a group of one");
        Expect.Equal(group.Ranks[0].Split(-1, 0), null, "the part of a rank that asks for none");
    }

    public static async Task EndsWithItsGroup(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(3).ConfigureAwait(false);
        IReadOnlyList<Exception?> failures = group.Catch(whole =>
        {
            // Ranks 1 and 2 are 0 and 1 of their part.
            ICollective? part = whole.Split(whole.Rank == 0 ? -1 : 0, 0);
            whole.Barrier();
            if (whole.Rank == 2)
            {
                whole.Dispose();
                return;
            }

            (part ?? whole).Barrier();
        });
        Expect.Equal(failures[2], null, "what the leaving rank throws");
        Expect.Equal((failures[0] as PeerLostException)?.LostRank, 2, "the lost rank, as the whole group says");
        Expect.Equal((failures[1] as PeerLostException)?.LostRank, 2, "the lost rank, as the part says");
    }

    public static async Task LeavesTheGroupAlone(GroupSource groups)
    {
        using TestGroup group = await groups.ConnectAsync(2).ConfigureAwait(false);
        group.Run(static whole =>
        {
            ICollective part = whole.Split(0, 0)!;
            part.Barrier();
            part.Dispose();
            part.Dispose();
            Expect.Throws<ObjectDisposedException>(part.Barrier, "an operation of a part that is disposed");
            whole.Barrier();
        });
    }

    private static void Sum(ICollective group, int[] members, int rank, int length)
    {
        float[][] parts = [.. members.Select(member => GroupSource.Values(length, member))];
        float[] sum = GroupSource.Values(length, rank);
        group.AllReduceSum(sum);
        Expect.Same<float>(sum, GroupSource.SumInRankOrder(parts), $"the sum over ranks {string.Join(", ", members)}");
    }
}
