using CsCheck;
using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Planning;

/// <summary>What holds for every plan, over random shapes, quantizations, rank counts and shares.</summary>
public sealed class ShardPlanPropertyTests
{
    private static readonly Gen<QuantizationSpec?> Packings = Gen.OneOf(
        new QuantizationSpec?[]
        {
            null, new(4, 32), new(4, 64), new(4, 128), new(8, 32), new(8, 64), new(8, 128),
            new(4, 32, QuantizationFormat.Mxfp4), new(4, 16, QuantizationFormat.Nvfp4), new(8, 32, QuantizationFormat.Mxfp8),
        });

    private static readonly Gen<SpecShape> Shapes =
        from heads in Gen.Select(Gen.Int[1, 8], Gen.Int[1, 8], Gen.OneOf(8, 16, 32, 64, 96, 128))
        from sizes in Gen.Select(Gen.Int[1, 1200], Gen.Int[1, 3000], Gen.Int[1, 3])
        from packings in Gen.Select(Packings, Packings)
        from flags in Gen.Select(Gen.Bool, Gen.Bool, Gen.OneOf(ElementType.Float32, ElementType.BFloat16))
        select Sound(new SpecShape
        {
            KeyValueHeads = heads.Item1,
            QueryHeadsPerGroup = heads.Item2,
            HeadSize = heads.Item3,
            Channels = sizes.Item1,
            Vocabulary = sizes.Item2,
            Layers = sizes.Item3,
            Quantization = packings.Item1,
            LastLayerQuantization = packings.Item2,
            IsTied = flags.Item1,
            HasBias = flags.Item2,
            Type = flags.Item3,
        });

    private static readonly Gen<(SpecShape Shape, double[] Shares)> Cases =
        from shape in Shapes
        from ranks in Gen.Int[1, Math.Min(16, Granularity.Of(shape.Build()).MaxRanks)]
        from shares in Gen.OneOf(Gen.Double[0.01, 50.0], Gen.Int[1, 4].Select(static share => (double)share)).Array[ranks]
        select (shape, shares);

    [Fact]
    public void Every_query_head_channel_and_token_is_held_exactly_once_in_rank_order() => Cases.Sample(static one =>
    {
        (ModelSpec spec, ShardPlan plan) = PlanOf(one);

        RequireCover(plan.Ranks.Select(static rank => rank.Assignment.QueryHeads), spec.CountOf(SplitUnit.QueryHead));
        RequireCover(plan.Ranks.Select(static rank => rank.Assignment.Channels), spec.CountOf(SplitUnit.Channel));
        RequireCover(plan.Ranks.Select(static rank => rank.Assignment.Tokens), spec.VocabularySize);
    });

    [Fact]
    public void A_rank_holds_the_key_value_heads_of_its_query_heads_and_no_others() => Cases.Sample(static one =>
    {
        (ModelSpec spec, ShardPlan plan) = PlanOf(one);
        int group = one.Shape.QueryHeadsPerGroup;
        foreach (ShardAssignment part in plan.Ranks.Select(static rank => rank.Assignment))
        {
            part.KeyValueHeads.Start.Should().Be(part.QueryHeads.Start / group);
            part.KeyValueHeads.End.Should().Be(((part.QueryHeads.End - 1) / group) + 1);
            if (part.KeyValueHeads.Count > 1)
            {
                part.QueryHeads.Should().Be(part.KeyValueHeads.Times(group));
            }
        }

        if (plan.WorldSize <= spec.CountOf(SplitUnit.KeyValueHead))
        {
            RequireCover(plan.Ranks.Select(static rank => rank.Assignment.KeyValueHeads), spec.CountOf(SplitUnit.KeyValueHead));
        }
    });

    [Fact]
    public void Row_parallel_cuts_lie_on_the_groups_of_every_layer() => Cases.Sample(static one =>
    {
        (ModelSpec spec, ShardPlan plan) = PlanOf(one);
        foreach (LinearSpec linear in spec.Layers.SelectMany(static layer => layer.Linears))
        {
            if (linear is { Split.Axis: SplitAxis.Row, Quantization: { } packing })
            {
                foreach (RankPlan rank in plan.Ranks)
                {
                    IndexRange inputs = rank.Assignment.InputsOf(linear);
                    (inputs.Start % packing.GroupSize).Should().Be(0);
                    (inputs.Count % packing.GroupSize).Should().Be(0);
                }
            }
        }
    });

    [Fact]
    public void Memory_is_the_sum_of_the_slices_and_all_ranks_together_hold_the_model_once() => Cases.Sample(static one =>
    {
        (ModelSpec spec, ShardPlan plan) = PlanOf(one);
        long normBytes = one.Shape.Type.SizeInBytes()
            * ((long)spec.FinalNorm.Size + spec.Layers.Sum(static layer => layer.Norms.Sum(static norm => (long)norm.Size)));
        LinearSpec[] linears = [spec.Embedding, .. spec.IsHeadTied ? [] : new[] { spec.Head }, .. spec.Layers.SelectMany(static layer => layer.Linears)];
        foreach (RankPlan rank in plan.Ranks)
        {
            rank.WeightBytes.Should().Be(normBytes + linears.Sum(linear => LinearSlices.Of(linear, rank.Assignment).ByteCount));
            rank.KeyValueBytesPerToken.Should().Be(
                rank.Assignment.KeyValueHeads.Count * 2L * spec.Layers.Count * ((one.Shape.HeadSize * sizeof(ushort)) + sizeof(float)));
            rank.KeyValueBytes.Should().Be(rank.KeyValueBytesPerToken * plan.ContextLength * plan.MaxSequences);
            rank.ActivationBytes.Should().BePositive();
        }

        foreach (LinearSpec linear in linears)
        {
            long held = plan.Ranks.Sum(rank => LinearSlices.Of(linear, rank.Assignment).ByteCount);
            long repeatedBias = linear is { Split.Axis: SplitAxis.Row, HasBias: true }
                ? (plan.WorldSize - 1L) * linear.OutputSize * linear.StoredType.SizeInBytes()
                : 0;
            if (linear.Split.Unit != SplitUnit.KeyValueHead || plan.WorldSize <= spec.CountOf(SplitUnit.KeyValueHead))
            {
                held.Should().Be(LinearSlices.Whole(linear).ByteCount + repeatedBias, linear.Path);
            }
        }
    });

    [Fact]
    public void Equal_input_gives_an_equal_plan() => Cases.Sample(static one =>
    {
        ShardPlan first = PlanOf(one).Plan;
        ShardPlan second = PlanOf(one).Plan;

        second.Ranks.Should().Equal(first.Ranks);
        second.Notes.Should().Equal(first.Notes);
    });

    [Fact]
    public void Units_are_divided_within_one_of_the_share_where_every_share_earns_one() =>
        Gen.Select(Gen.Int[1, 500], Gen.Double[0.2, 5.0].Array[1, 12]).Where(static one => one.Item1 >= 30 * one.Item2.Length).Sample(static one =>
        {
            (int units, double[] shares) = one;
            int[] counts = Apportionment.Divide(units, shares);

            counts.Sum().Should().Be(units);
            for (int i = 0; i < counts.Length; i++)
            {
                counts[i].Should().BeInRange(
                    (int)Math.Floor((units * shares[i] / shares.Sum()) - 1e-9), (int)Math.Ceiling((units * shares[i] / shares.Sum()) + 1e-9));
            }
        });

    private static (ModelSpec Spec, ShardPlan Plan) PlanOf((SpecShape Shape, double[] Shares) one)
    {
        ModelSpec spec = one.Shape.Build();
        DeviceProfile device = new() { Name = "any", AvailableMemory = 1L << 40 };
        PlanRequest request = new() { Devices = [.. one.Shares.Select(_ => device)], Shares = one.Shares, ContextLength = 512 };
        return (spec, new ShardPlanner().Plan(spec, request));
    }

    private static void RequireCover(IEnumerable<IndexRange> ranges, int count)
    {
        int next = 0;
        foreach (IndexRange range in ranges)
        {
            range.Start.Should().Be(next);
            range.Count.Should().BePositive();
            next = range.End;
        }

        next.Should().Be(count);
    }

    // Quantized inputs are whole groups: the hidden size, channels and query width of a sound model are multiples of 128 here.
    private static SpecShape Sound(SpecShape shape) => shape.Quantization is null && shape.LastLayerQuantization is null
        ? shape
        : shape with
        {
            Channels = shape.Channels * 128,
            QueryHeadsPerGroup = shape.QueryHeadsPerGroup * (128 / (int)System.Numerics.BigInteger.GreatestCommonDivisor(
                128, shape.KeyValueHeads * shape.QueryHeadsPerGroup * shape.HeadSize)),
        };
}
