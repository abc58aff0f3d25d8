using Exo.Sdk.Models;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Planning;

public sealed class ShardPlannerTests
{
    private const long Plenty = 1L << 40;
    private readonly ShardPlanner _planner = new();

    [Fact]
    public void One_rank_holds_everything()
    {
        ModelSpec spec = new SpecShape().Build();

        ShardAssignment part = Plan(spec, 1).Ranks.Should().ContainSingle().Subject.Assignment;

        part.QueryHeads.Should().Be(IndexRange.All(8));
        part.KeyValueHeads.Should().Be(IndexRange.All(4));
        part.Channels.Should().Be(IndexRange.All(512));
        part.Tokens.Should().Be(IndexRange.All(1000));
    }

    [Fact]
    public void Shares_are_followed_where_heads_and_channels_allow()
    {
        ShardPlan plan = Plan(new SpecShape().Build(), 3, 1);

        KeyValueHeads(plan).Should().Equal(3, 1);
        Channels(plan).Should().Equal(384, 128);
        plan.Notes.Should().BeEmpty();
    }

    [Fact]
    public void Rounded_shares_are_remarked_on()
    {
        ShardPlan plan = Plan(new SpecShape { Channels = 172, HeadSize = 8, Vocabulary = 512 }.Build(), 1, 1, 1);

        KeyValueHeads(plan).Should().Equal(2, 1, 1);
        plan.Notes.Should().ContainSingle().Which.Should().StartWith("shares of 1:1:1 became 2:1:1 of the heads");
    }

    [Fact]
    public void Shares_follow_measured_bandwidth_only_where_all_were_measured()
    {
        ModelSpec spec = new SpecShape().Build();
        DeviceProfile slow = Device("slow") with { MemoryBandwidth = 10e9 };
        DeviceProfile fast = Device("fast") with { MemoryBandwidth = 30e9 };

        Channels(_planner.Plan(spec, new PlanRequest { Devices = [slow, fast] })).Should().Equal(128, 384);
        Channels(_planner.Plan(spec, new PlanRequest { Devices = [slow, Device("unknown")] })).Should().Equal(256, 256);
    }

    [Fact]
    public void A_rank_never_gets_nothing()
    {
        ShardPlan plan = Plan(new SpecShape().Build(), 1000, 1, 1);

        KeyValueHeads(plan).Should().Equal(2, 1, 1);
        plan.Ranks.Should().OnlyContain(rank => rank.Assignment.Channels.Count > 0 && rank.Assignment.Tokens.Count > 0);
    }

    [Fact]
    public void More_ranks_than_key_value_heads_share_them()
    {
        ShardPlan plan = Plan(new SpecShape { QueryHeadsPerGroup = 4 }.Build(), 1, 1, 1, 1, 1, 1);

        plan.Ranks.Select(rank => rank.Assignment.KeyValueHeads).Should().OnlyContain(range => range.Count == 1);
        plan.Ranks.Select(rank => rank.Assignment.QueryHeads.Count).Should().BeEquivalentTo([2, 2, 2, 2, 4, 4]);
        plan.Notes.Should().Contain(note => note.Contains("key-value heads"));
    }

    [Fact]
    public void Ranks_with_larger_shares_share_key_value_heads_less()
    {
        ShardPlan plan = Plan(new SpecShape { QueryHeadsPerGroup = 4 }.Build(), 4, 1, 3, 4, 2, 2);

        plan.Ranks.Select(rank => rank.Assignment.QueryHeads.Count).Should().Equal(4, 1, 3, 4, 2, 2);
    }

    [Theory]
    [InlineData(64, 32, 2)] // two heads of 32 fill a group of 64
    [InlineData(128, 32, 4)]
    [InlineData(32, 32, 1)]
    [InlineData(64, 16, 4)]
    public void Heads_whose_outputs_share_a_quantization_group_stay_together(int group, int headSize, int step)
    {
        ModelSpec spec = new SpecShape
        {
            KeyValueHeads = 8,
            QueryHeadsPerGroup = 1,
            HeadSize = headSize,
            Hidden = 256,
            Channels = 1024,
            Quantization = new QuantizationSpec(4, group),
        }.Build();

        ShardPlan plan = Plan(spec, 1, 1);

        plan.Ranks.Should().OnlyContain(rank => rank.Assignment.QueryHeads.Start % step == 0 && rank.Assignment.QueryHeads.Count % step == 0);
        Granularity.Of(spec).MaxRanksByHeads.Should().Be(8 / step);
    }

    [Fact]
    public void Scale_bytes_are_one_a_group_in_the_footprint()
    {
        SpecShape shape = new() { HeadSize = 16, Channels = 96, Quantization = new QuantizationSpec(4, 16, QuantizationFormat.Nvfp4) };
        ModelSpec spec = shape.Build();
        LinearSpec[] linears = [.. spec.Layers.SelectMany(static layer => layer.Linears), spec.Embedding, spec.Head];
        long values = linears.Sum(static linear => (long)linear.OutputSize * linear.InputSize);
        long norms = ((2 * spec.Layers.Count) + 1) * spec.HiddenSize * sizeof(float);

        ShardPlan plan = Plan(spec, 5, 1);

        Plan(spec, 1).Ranks[0].WeightBytes.Should().Be((values / 2) + (values / 16) + norms);
        plan.Ranks.Should().OnlyContain(static rank => rank.Assignment.Channels.Start % 16 == 0 && rank.Assignment.Channels.Count % 16 == 0);
        plan.Ranks.Sum(static rank => rank.WeightBytes).Should().Be((values / 2) + (values / 16) + (2 * norms));
    }

    [Fact]
    public void Every_layer_must_allow_a_cut()
    {
        SpecShape shape = new() { HeadSize = 64, Channels = 768, Quantization = new QuantizationSpec(4, 32), LastLayerQuantization = new QuantizationSpec(8, 128) };

        ShardPlan plan = Plan(shape.Build(), 1, 1, 1, 1);

        plan.Ranks.Should().OnlyContain(rank => rank.Assignment.Channels.Start % 128 == 0 && rank.Assignment.Channels.Count % 128 == 0);
        Channels(plan).Should().BeEquivalentTo([256, 256, 128, 128]);
    }

    [Fact]
    public void Too_many_ranks_for_the_channels_are_refused_with_the_largest_number()
    {
        ModelSpec spec = new SpecShape { Channels = 128, Quantization = new QuantizationSpec(4, 64) }.Build();

        Refusal(spec, 3).Reasons.Should().Contain(reason => reason.Contains("128 channels"))
            .And.Contain("the largest number of ranks possible is 2");
    }

    [Fact]
    public void Too_many_ranks_for_the_query_heads_are_refused_with_the_largest_number()
    {
        Refusal(new SpecShape().Build(), 9).Reasons.Should().Contain(reason => reason.Contains("8 query heads"))
            .And.Contain("the largest number of ranks possible is 8");
    }

    [Fact]
    public void Too_many_ranks_for_heads_that_stay_together_are_refused_with_the_reason()
    {
        ModelSpec spec = new SpecShape { HeadSize = 16, QueryHeadsPerGroup = 1, Quantization = new QuantizationSpec(4, 64) }.Build();

        Refusal(spec, 2).Reasons.Should().Contain(reason => reason.Contains("4 query heads stay together"))
            .And.Contain("the largest number of ranks possible is 1");
    }

    [Fact]
    public void Too_many_ranks_for_the_vocabulary_are_refused()
    {
        Refusal(new SpecShape { Vocabulary = 3 }.Build(), 4).Reasons.Should().Contain(reason => reason.Contains("3 vocabulary entries"));
    }

    [Fact]
    public void Inputs_that_are_not_whole_groups_are_refused()
    {
        ModelSpec spec = new SpecShape { Channels = 100, Quantization = new QuantizationSpec(4, 64) }.Build();

        Refusal(spec, 1).Reasons.Should().ContainSingle().Which.Should().Contain("100 inputs").And.Contain("groups of 64");
    }

    [Fact]
    public void A_long_context_is_lowered_to_the_models_own()
    {
        ShardPlan plan = _planner.Plan(
            new SpecShape().Build(), new PlanRequest { Devices = [Device("a")], ContextLength = 100_000 });

        plan.ContextLength.Should().Be(4096);
        plan.Notes.Should().ContainSingle().Which.Should().Contain("100000").And.Contain("4096");
    }

    [Fact]
    public void Load_shifts_to_the_rank_with_more_memory_when_shares_are_free()
    {
        ModelSpec spec = new SpecShape().Build();
        long half = Plan(spec, 1, 1).Ranks[0].TotalBytes;
        PlanRequest request = new() { Devices = [Device("small", half - 1), Device("large", 4 * half)] };

        ShardPlan plan = _planner.Plan(spec, request);

        plan.Ranks[0].TotalBytes.Should().BeLessThan(half);
        Channels(plan).First().Should().BeLessThan(256);
        plan.Notes.Should().Contain(note => note.Contains("memory rather than speed"));
        _planner.Invoking(planner => planner.Plan(spec, request with { Shares = [1, 1] }))
            .Should().Throw<PlanRefusedException>().Which.Reasons.Should().Contain(reason => reason.Contains("leaving the shares to the planner"));
    }

    [Fact]
    public void A_refusal_for_memory_names_rank_need_and_what_would_help()
    {
        ModelSpec spec = new SpecShape().Build();
        RankPlan whole = Plan(spec, 1).Ranks[0];
        long available = whole.WeightBytes + (whole.KeyValueBytes / 2) + whole.ActivationBytes;
        PlanRequest request = new() { Devices = [Device("mac-1", available)] };

        PlanRefusedException refusal = _planner.Invoking(planner => planner.Plan(spec, request)).Should().Throw<PlanRefusedException>().Which;

        refusal.Reasons.Should().HaveCount(2);
        refusal.Reasons[0].Should().StartWith($"rank 0 (mac-1) needs {whole.TotalBytes} bytes").And.EndWith($"has {available}");
        refusal.Reasons[1].Should().Contain("2 ranks instead of 1").And.Contain("fewer sequences");
        int tokens = int.Parse(refusal.Reasons[1].Split("at most ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        _planner.Plan(spec, request with { ContextLength = tokens }).ContextLength.Should().Be(tokens);
        _planner.Invoking(planner => planner.Plan(spec, request with { ContextLength = tokens + 1 })).Should().Throw<PlanRefusedException>();
    }

    [Fact]
    public void A_refusal_says_so_when_nothing_would_help()
    {
        ModelSpec spec = new SpecShape().Build();

        _planner.Invoking(planner => planner.Plan(spec, new PlanRequest { Devices = [Device("a", 1000)] }))
            .Should().Throw<PlanRefusedException>().Which.Reasons[^1].Should().Contain("smaller model");
    }

    public static TheoryData<PlanRequest, string> SenselessRequests => new()
    {
        { new PlanRequest { Devices = [] }, "Devices" },
        { new PlanRequest { Devices = [Device("a")], Shares = [1, 1] }, "Shares" },
        { new PlanRequest { Devices = [Device("a")], Shares = [0] }, "Shares[0]" },
        { new PlanRequest { Devices = [Device("a")], Shares = [double.NaN] }, "Shares[0]" },
        { new PlanRequest { Devices = [Device("a")], Shares = [double.PositiveInfinity] }, "Shares[0]" },
        { new PlanRequest { Devices = [Device("a", -1)] }, "AvailableMemory" },
        { new PlanRequest { Devices = [Device("a") with { MemoryBandwidth = double.NaN }] }, "MemoryBandwidth" },
        { new PlanRequest { Devices = [Device("a")], ContextLength = 0 }, "ContextLength" },
        { new PlanRequest { Devices = [Device("a")], MaxSequences = 0 }, "MaxSequences" },
        { new PlanRequest { Devices = [Device("a")], MaxBatchTokens = int.MaxValue }, "MaxBatchTokens" },
    };

    [Theory]
    [MemberData(nameof(SenselessRequests), DisableDiscoveryEnumeration = true)]
    public void A_request_that_makes_no_sense_is_refused_by_name(PlanRequest request, string field)
    {
        _planner.Invoking(planner => planner.Plan(new SpecShape().Build(), request))
            .Should().Throw<ConfigurationException>().Which.Message.Should().Contain(field);
    }

    [Theory]
    [InlineData(KeyValuePrecision.Float32, 64 * 4)]
    [InlineData(KeyValuePrecision.Float16, (64 * 2) + 4)]
    [InlineData(KeyValuePrecision.BFloat16, 64 * 2)]
    [InlineData(KeyValuePrecision.Int8, 64 + 4)]
    public void Keys_and_values_are_counted_in_the_form_they_are_held(KeyValuePrecision precision, int headBytes)
    {
        ModelSpec spec = new SpecShape { HeadSize = 64 }.Build();

        ShardPlan plan = _planner.Plan(spec, new PlanRequest { Devices = [Device("one")], KeyValues = precision });

        plan.Ranks[0].KeyValueBytesPerToken.Should().Be(2L * spec.Layers.Count * spec.CountOf(SplitUnit.KeyValueHead) * headBytes);
    }

    [Theory]
    [InlineData(true, 2048 + 100 + 16 - 1)]
    [InlineData(false, 2048 + 2048)]
    public void A_window_is_counted_as_long_as_the_backend_holds_it(bool isBounded, int positions)
    {
        ModelSpec spec = new SpecShape { HeadSize = 64, Windows = [null, 100] }.Build();

        ShardPlan plan = _planner.Plan(spec, new PlanRequest
        {
            Devices = [Device("one")],
            ContextLength = 2048,
            MaxSequences = 3,
            MaxBatchTokens = 16,
            KeyValues = KeyValuePrecision.BFloat16,
            BoundsWindows = isBounded,
        });

        plan.Ranks[0].KeyValueBytes.Should().Be(3L * positions * 2 * spec.CountOf(SplitUnit.KeyValueHead) * 64 * 2);
    }

    [Fact]
    public void A_decode_step_reads_all_weights_but_the_embedding_and_what_is_cached()
    {
        ModelSpec spec = new SpecShape { HeadSize = 64, Windows = [null, 100], Vocabulary = 1024, IsTied = true }.Build();

        ShardPlan plan = _planner.Plan(spec, new PlanRequest { Devices = [Device("one"), Device("two")], ContextLength = 2048, KeyValues = KeyValuePrecision.BFloat16 });

        long matrices = spec.Linears.Sum(linear => LinearSlices.Whole(linear).ByteCount);
        long cached = (2048 + 100) * 2L * spec.CountOf(SplitUnit.KeyValueHead) * 64 * 2;
        plan.Ranks.Sum(rank => rank.DecodeCost.Bytes).Should().Be(matrices + cached);
        long scores = (2048 + 100) * 4L * spec.CountOf(SplitUnit.QueryHead) * 64;
        plan.Ranks.Sum(rank => rank.DecodeCost.Operations).Should().Be(spec.Linears.Sum(linear => 2L * linear.InputSize * linear.OutputSize) + scores);
    }

    [Fact]
    public void Layers_that_are_divided_otherwise_are_refused_by_name()
    {
        ModelSpec one = new SpecShape { Layers = 1 }.Build();
        ModelSpec other = new SpecShape { Layers = 1, Channels = 1024 }.Build();
        ModelSpec mixed = one with { Layers = [.. one.Layers, .. other.Layers] };

        _planner.Invoking(planner => planner.Plan(mixed, new PlanRequest { Devices = [Device("one")] }))
            .Should().Throw<PlanRefusedException>().WithMessage("*Channel: 512, 1024*");
    }

    private ShardPlan Plan(ModelSpec spec, params double[] shares) => _planner.Plan(spec, new PlanRequest
    {
        Devices = [.. Enumerable.Range(0, shares.Length).Select(rank => Device($"device-{rank}"))],
        Shares = shares,
    });

    private PlanRefusedException Refusal(ModelSpec spec, int ranks) => _planner
        .Invoking(planner => planner.Plan(spec, new PlanRequest { Devices = [.. Enumerable.Repeat(Device("any"), ranks)] }))
        .Should().Throw<PlanRefusedException>().Which;

    private static DeviceProfile Device(string name, long memory = Plenty) => new() { Name = name, AvailableMemory = memory };

    private static IEnumerable<int> KeyValueHeads(ShardPlan plan) => plan.Ranks.Select(rank => rank.Assignment.KeyValueHeads.Count);

    private static IEnumerable<int> Channels(ShardPlan plan) => plan.Ranks.Select(rank => rank.Assignment.Channels.Count);
}
