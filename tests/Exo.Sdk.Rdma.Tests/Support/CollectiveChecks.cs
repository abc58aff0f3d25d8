using System.Security.Cryptography;

namespace Exo.Sdk.Rdma.Tests.Support;

/// <summary>Runs collectives on every rank of a group and compares each result, bit for bit, with one computed here.</summary>
internal static class CollectiveChecks
{
    /// <summary>Sums vectors of these lengths, one after the other.</summary>
    public static void AllReduce(RankGroup group, params int[] lengths)
    {
        float[][][] results = [.. group.Ranks.Select(_ => new float[lengths.Length][])];
        group.Run(collective =>
        {
            for (int i = 0; i < lengths.Length; i++)
            {
                float[] values = Vector(collective.Rank, lengths[i], i);
                collective.AllReduceSum(values);
                results[collective.Rank][i] = values;
            }
        });
        for (int i = 0; i < lengths.Length; i++)
        {
            float[] expected = Vector(0, lengths[i], i);
            for (int rank = 1; rank < group.Ranks.Length; rank++)
            {
                float[] more = Vector(rank, lengths[i], i);
                for (int at = 0; at < expected.Length; at++)
                {
                    expected[at] += more[at];
                }
            }

            for (int rank = 0; rank < group.Ranks.Length; rank++)
            {
                results[rank][i].AsSpan().SequenceEqual(expected).Should().BeTrue(
                    "the sum {0} of {1} values on rank {2} has the bits of ((r0 + r1) + r2) …", i, lengths[i], rank);
            }
        }
    }

    /// <summary>Every rank sends every other one messages of these lengths and receives as many.</summary>
    public static void Exchange(RankGroup group, params int[] lengths) => group.Run(collective =>
    {
        foreach (int length in lengths)
        {
            for (int peer = 0; peer < collective.Size; peer++)
            {
                // The lower rank of a pair sends first.
                if (peer != collective.Rank)
                {
                    byte[] incoming = new byte[length];
                    if (collective.Rank < peer)
                    {
                        collective.Send(Bytes(collective.Rank, peer, length), peer);
                        collective.Receive(incoming, peer);
                    }
                    else
                    {
                        collective.Receive(incoming, peer);
                        collective.Send(Bytes(collective.Rank, peer, length), peer);
                    }

                    incoming.AsSpan().SequenceEqual(Bytes(peer, collective.Rank, length)).Should().BeTrue(
                        "rank {0} gets the {1} bytes that rank {2} sent", collective.Rank, length, peer);
                }
            }
        }
    });

    /// <summary>A broadcast, an all-gather of uneven parts, and a barrier.</summary>
    public static void Others(RankGroup group) => group.Run(collective =>
    {
        byte[] message = collective.Rank == 1 ? Bytes(1, 0, 100_001) : new byte[100_001];
        collective.Broadcast(message, 1);
        message.AsSpan().SequenceEqual(Bytes(1, 0, 100_001)).Should().BeTrue();
        int[] counts = [.. Enumerable.Range(0, collective.Size).Select(rank => (rank * 700) + 1)];
        float[] all = new float[counts.Sum()];
        collective.AllGather(Vector(collective.Rank, counts[collective.Rank], 9), all, counts);
        all.Should().Equal(counts.SelectMany((count, rank) => Vector(rank, count, 9)));
        collective.Barrier();
    });

    private static float[] Vector(int rank, int length, int salt)
    {
        Random random = new((rank * 7919) + (salt * 104729) + length);
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
        {
            values[i] = (float)(random.NextDouble() - 0.5) * MathF.Pow(10, (i % 7) - 3);
        }

        return values;
    }

    private static byte[] Bytes(int from, int to, int length)
    {
        byte[] bytes = new byte[length];
        byte[] seed = SHA256.HashData([(byte)from, (byte)to]);
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)(seed[i % 32] + (i >> 5));
        }

        return bytes;
    }
}
