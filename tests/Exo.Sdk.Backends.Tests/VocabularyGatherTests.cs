using System.Runtime.InteropServices;
using Exo.Sdk.Models;
using Exo.Sdk.Testing;

namespace Exo.Sdk.Backends.Tests;

public sealed class VocabularyGatherTests
{
    private const int Vocabulary = 10;

    private static readonly IndexRange[] Parts = [new(4, 3), new(0, 4), new(7, 3)];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Rows_are_joined_from_parts_in_any_order(int rows)
    {
        using TestGroup group = await TestGroup.ConnectAsync(size: 3);
        float[] logits = new float[rows * Vocabulary];
        group.Run(collective =>
        {
            IndexRange mine = Parts[collective.Rank];
            VocabularyGather gather = new(collective, mine, Vocabulary, rowsAtOnce: 2);
            for (int round = 0; round < 2; round++)
            {
                float[] part = [.. Enumerable.Range(0, rows).SelectMany(row => Enumerable.Range(mine.Start, mine.Count).Select(entry => (100f * row) + entry + round))];
                gather.Gather(part, rows, collective.Rank == 0 ? logits : default);
            }
        });

        logits.Should().Equal(Enumerable.Range(0, rows).SelectMany(row => Enumerable.Range(0, Vocabulary).Select(entry => (100f * row) + entry + 1)));
    }

    [Theory]
    [InlineData(-1, 3)]
    [InlineData(8, 3)]
    [InlineData(0, -1)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public async Task A_part_outside_the_vocabulary_is_a_typed_error(int start, int count)
    {
        using TestGroup group = await TestGroup.ConnectAsync(size: 2);
        IReadOnlyList<Exception?> failures = group.Catch(collective =>
        {
            if (collective.Rank == 1)
            {
                collective.Send(MemoryMarshal.AsBytes<IndexRange>(new[] { new IndexRange(start, count) }), 0);
                return;
            }

            new VocabularyGather(collective, new IndexRange(0, 5), Vocabulary, rowsAtOnce: 2).Gather(new float[5], 1, new float[Vocabulary]);
        });

        failures[0].Should().BeOfType<ProtocolException>().Which.Message.Should().Contain("Rank 1").And.Contain("the vocabulary has 10");
    }
}
