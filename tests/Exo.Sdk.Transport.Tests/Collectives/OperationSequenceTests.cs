using System.Runtime.InteropServices;
using CsCheck;
using Exo.Sdk.Testing;

namespace Exo.Sdk.Transport.Tests.Collectives;

/// <summary>Random programs of collective operations give the same bytes on every transport.</summary>
public sealed class OperationSequenceTests
{
    private static readonly Gen<(int Kind, int Length, int Root)> Step =
        Gen.Select(Gen.Int[0, 4], Gen.OneOf(Gen.Int[0, 40], Gen.Int[0, 40_000]), Gen.Int[0, 7]);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void All_transports_agree(int size)
    {
        using TestGroup tcp = RankGroup.Connect("tcp", size);
        using TestGroup managed = RankGroup.Connect("tcp-managed", size);
        using TestGroup shared = RankGroup.Connect("shared-memory", size);
        using TestGroup memory = RankGroup.Connect("in-process", size);
        Step.Array[1, 12].Sample(
            steps =>
            {
                byte[][] expected = Play(memory, steps);
                Play(tcp, steps).Zip(expected).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)).Should().BeTrue();
                Play(shared, steps).Zip(expected).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)).Should().BeTrue();
                Play(managed, steps).Zip(expected).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)).Should().BeTrue();
            },
            iter: 12,
            threads: 1);
    }

    /// <summary>Runs the program on every rank; returns what each rank saw.</summary>
    private static byte[][] Play(TestGroup group, (int Kind, int Length, int Root)[] steps)
    {
        int size = group.Ranks.Count;
        byte[][] seen = new byte[size][];
        group.Run(collective =>
        {
            using MemoryStream log = new();
            for (int i = 0; i < steps.Length; i++)
            {
                (int kind, int length, int root) = (steps[i].Kind, steps[i].Length, steps[i].Root % size);
                float[] values = Values(length, (i * 100) + collective.Rank);
                switch (kind)
                {
                    case 0:
                        collective.AllReduceSum(values);
                        break;
                    case 1:
                        int[] counts = [.. Enumerable.Range(0, size).Select(rank => rank == root ? length : length / 3)];
                        float[] all = new float[counts.Sum()];
                        collective.AllGather(values.AsSpan(0, counts[collective.Rank]), all, counts);
                        values = all;
                        break;
                    case 2:
                        collective.Broadcast(MemoryMarshal.AsBytes(values.AsSpan()), root);
                        break;
                    case 3 when collective.Rank == root:
                        collective.Send(MemoryMarshal.AsBytes(values.AsSpan()), (root + 1) % size);
                        break;
                    case 3 when collective.Rank == (root + 1) % size:
                        collective.Receive(MemoryMarshal.AsBytes(values.AsSpan()), root);
                        break;
                    case 4:
                        collective.Barrier();
                        break;
                }

                log.Write(MemoryMarshal.AsBytes(values.AsSpan()));
            }

            seen[collective.Rank] = log.ToArray();
        });
        return seen;
    }

    private static float[] Values(int length, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4))))];
    }
}
