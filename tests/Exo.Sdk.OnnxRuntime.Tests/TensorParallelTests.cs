using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime.Tests.Support;
using Exo.Sdk.Planning;
using Xunit.Abstractions;

namespace Exo.Sdk.OnnxRuntime.Tests;

public sealed class TensorParallelTests(ITestOutputHelper output)
{
    private const double Bound = 1e-4;

    private static readonly ModelShape Dense = new()
    {
        Hidden = 96,
        QueryHeads = 8,
        KeyValueHeads = 4,
        Channels = 131,
        HasBias = true,
        HasOutputBias = true,
        Seed = 30,
    };

    private static readonly ModelShape Quantised = new()
    {
        Hidden = 128,
        QueryHeads = 8,
        KeyValueHeads = 4,
        HeadSize = 16,
        Channels = 256,
        Packing = new(4, 32),
        HasBias = true,
        HasOutputBias = true,
        Seed = 31,
    };

    public static TheoryData<string, ModelShape, int[], int[], int[]> Splits()
    {
        TheoryData<string, ModelShape, int[], int[], int[]> splits = new()
        {
            { "2 ranks, equal", Dense, [2, 2], [65, 66], [49, 48] },
            { "2 ranks, uneven", Dense, [3, 1], [100, 31], [1, 96] },
            { "3 ranks", Dense, [2, 1, 1], [1, 60, 70], [30, 40, 27] },
            { "4 ranks", Dense, [1, 1, 1, 1], [30, 31, 35, 35], [25, 24, 24, 24] },
        };
        foreach (QuantizationSpec packing in (QuantizationSpec[])[new(2, 32), new(4, 32), new(8, 32)])
        {
            ModelShape shape = Quantised with { Packing = packing };
            splits.Add($"{packing.Bits}-bit, 2 ranks, uneven", shape, [3, 1], [96, 160], [90, 7]);
            splits.Add($"{packing.Bits}-bit, 3 ranks", shape, [1, 2, 1], [64, 160, 32], [32, 32, 33]);
            splits.Add($"{packing.Bits}-bit, 4 ranks", shape, [1, 1, 1, 1], [64, 64, 64, 64], [24, 24, 24, 25]);
        }

        return splits;
    }

    [Theory]
    [MemberData(nameof(Splits))]
    public void Several_ranks_agree_with_the_formulas(string name, ModelShape shape, int[] heads, int[] channels, int[] tokens)
    {
        MemoryModel model = new(shape);
        Follow(name, model, ShardSet.Split(model.Spec, heads, channels, tokens));
    }

    [Fact]
    public void Key_value_heads_are_repeated_where_there_are_more_ranks()
    {
        MemoryModel model = new(Dense with { KeyValueHeads = 2, QueryHeads = 6 });
        ShardAssignment[] split = ShardSet.Split(model.Spec, [1, 1, 0, 0], [40, 40, 40, 11], [30, 30, 30, 7]);
        IndexRange[] queries = [new(0, 2), new(2, 1), new(3, 2), new(5, 1)];
        for (int rank = 0; rank < split.Length; rank++)
        {
            split[rank] = split[rank] with { QueryHeads = queries[rank], KeyValueHeads = new IndexRange(rank / 2, 1) };
        }

        Follow("4 ranks for 2 key-value heads", model, split);
    }

    private void Follow(string name, MemoryModel model, ShardAssignment[] split)
    {
        const int Prefill = 9;
        const int Count = Prefill + 32;
        using ShardSet shards = new(model, split);
        int[] tokens = model.Tokens(Count, 1);
        double[][] expected = new ReferenceModel(model).Logits(tokens);
        shards.Do(shard => shard.Allocate(0));
        double error = Accuracy.Error(shards.Forward(tokens[..Prefill], new SequenceStep(0, 0, Prefill, StepLogits.Last))[0], expected[Prefill - 1]);
        for (int position = Prefill; position < Count; position++)
        {
            error = Math.Max(error, Accuracy.Error(
                shards.Forward([tokens[position]], new SequenceStep(0, position, 1, StepLogits.Last))[0], expected[position]));
        }

        output.WriteLine($"{name}: largest relative error {error:e2}");
        error.Should().BeLessThan(Bound);
    }
}
