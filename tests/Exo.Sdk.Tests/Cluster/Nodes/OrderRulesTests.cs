using Exo.Sdk.Control;
using Exo.Sdk.Models;
using Exo.Sdk.Nodes;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Tests.Cluster.Nodes;

/// <summary>Each range that a node states, at its ends and one beyond.</summary>
public sealed class OrderRulesTests
{
    private static readonly NodeLimits Limits = new()
    {
        MaxRanks = 4,
        MaxThreads = 8,
        MaxSequences = 16,
        MaxBatchTokens = 64,
        MaxContextLength = 128,
        MaxMemory = 1 << 20,
        MaxDeadline = TimeSpan.FromSeconds(60),
        MaxConnectTimeout = TimeSpan.FromSeconds(30),
        MaxSilence = TimeSpan.FromSeconds(10),
    };

    private static readonly ModelSpec Spec = Read();

    private static readonly LoadOrder Sound = new(
        Epoch: 7,
        Addresses: ["127.0.0.1:1", "127.0.0.1:2"],
        ConnectSeconds: 5,
        DeadlineSeconds: 5,
        WirePrecision.Float32,
        new ShardAssignment
        {
            Rank = 1,
            WorldSize = 2,
            QueryHeads = new IndexRange(2, 2),
            KeyValueHeads = new IndexRange(1, 1),
            Channels = new IndexRange(64, 64),
            Tokens = new IndexRange(8, 8),
        },
        new ShardOptions { ContextLength = 32, MaxSequences = 2, MaxBatchTokens = 8, ThreadCount = 1 });

    private static readonly Dictionary<string, Func<double, LoadOrder>> Fields = new()
    {
        ["threads"] = static value => With(Sound.Options with { ThreadCount = (int)value }),
        ["sequences"] = static value => With(Sound.Options with { MaxSequences = (int)value, MaxBatchTokens = 64 }),
        ["tokens of a step"] = static value => With(Sound.Options with { MaxBatchTokens = (int)value }),
        ["tokens of context"] = static value => With(Sound.Options with { ContextLength = (int)value }),
        ["bound processors"] = static value => With(Sound.Options with { ThreadCount = 2, Processors = new int[(int)value] }),
        ["processor number"] = static value => With(Sound.Options with { Processors = [(int)value] }),
        ["connect timeout"] = static value => Sound with { ConnectSeconds = value },
        ["deadline"] = static value => Sound with { DeadlineSeconds = value },
        ["WirePrecision"] = static value => Sound with { WirePrecision = (WirePrecision)(int)value },
        ["ActivationPrecision"] = static value => With(Sound.Options with { Activations = (ActivationPrecision)(int)value }),
        ["KeyValuePrecision"] = static value => With(Sound.Options with { KeyValues = (KeyValuePrecision)(int)value }),
        ["rank"] = static value => With(Sound.Assignment with { Rank = (int)value }),
        ["query heads"] = static value => With(Sound.Assignment with { QueryHeads = new IndexRange((int)value, 2) }),
        ["key-value heads"] = static value => With(Sound.Assignment with { KeyValueHeads = new IndexRange((int)value, 1) }),
        ["channels"] = static value => With(Sound.Assignment with { Channels = new IndexRange((int)value, 64) }),
        ["vocabulary entries"] = static value => With(Sound.Assignment with { Tokens = new IndexRange((int)value, 8) }),
    };

    [Theory]
    [InlineData("threads", 1, 8)]
    [InlineData("sequences", 1, 16)]
    [InlineData("tokens of a step", 2, 64)]
    [InlineData("tokens of context", 1, 128)]
    [InlineData("bound processors", 0, 2)]
    [InlineData("processor number", 0, 0)]
    [InlineData("connect timeout", 0.001, 30)]
    [InlineData("deadline", 0.001, 60)]
    [InlineData("WirePrecision", 0, 2)]
    [InlineData("ActivationPrecision", 0, 1)]
    [InlineData("KeyValuePrecision", 0, 3)]
    [InlineData("rank", 0, 1)]
    [InlineData("channels", 0, 64)]
    [InlineData("vocabulary entries", 0, 8)]
    public void The_ends_of_a_range_are_taken(string field, double least, double most)
    {
        OrderRules.Check(Fields[field](least), Spec, Limits, boundsWindows: false);
        OrderRules.Check(Fields[field](most), Spec, Limits, boundsWindows: false);
    }

    [Theory]
    [InlineData("threads", 0, 9)]
    [InlineData("sequences", 0, 17)]
    [InlineData("tokens of a step", 1, 65)]
    [InlineData("tokens of context", 0, 129)]
    [InlineData("bound processors", 3, 100)]
    [InlineData("processor number", -1, 1_000_000)]
    [InlineData("connect timeout", 0, 30.1)]
    [InlineData("connect timeout", double.NaN, double.PositiveInfinity)]
    [InlineData("deadline", -1, 60.1)]
    [InlineData("deadline", double.NegativeInfinity, 1e300)]
    [InlineData("WirePrecision", -1, 3)]
    [InlineData("ActivationPrecision", -1, 77)]
    [InlineData("KeyValuePrecision", -1, 77)]
    [InlineData("rank", -1, 2)]
    [InlineData("query heads", -1, 3)]
    [InlineData("query heads", int.MinValue, int.MaxValue)]
    [InlineData("key-value heads", -1, 2)]
    [InlineData("channels", -1, 65)]
    [InlineData("vocabulary entries", -1, 9)]
    public void One_beyond_is_refused_by_name(string field, double below, double above)
    {
        foreach (double value in new[] { below, above })
        {
            FluentActions.Invoking(() => OrderRules.Check(Fields[field](value), Spec, Limits, boundsWindows: false))
                .Should().Throw<ProtocolException>($"{value} is no {field}").WithMessage($"*{field}*");
        }
    }

    [Fact]
    public void Query_heads_of_other_key_value_heads_are_refused() =>
        Refused(With(Sound.Assignment with { QueryHeads = new IndexRange(0, 2) }), "*do not belong*");

    [Fact]
    public void Epoch_and_ranks_are_counted()
    {
        Refused(Sound with { Epoch = 0 }, "*epoch is 0*");
        Refused(Sound with { Addresses = [] }, "*0 ranks; this node takes 1 to 4*");
        Refused(Sound with { Addresses = new string[5] }, "*5 ranks*");
        Refused(Sound with { Addresses = ["127.0.0.1:1", null!] }, "*address is missing*");
        Refused(Sound with { Addresses = [new string('1', 5000), ""] }, "*address has 5000 characters*");
        Refused(Sound with { Addresses = ["one"] }, "*rank 1 of 2*");
    }

    [Fact]
    public void A_shard_that_does_not_fit_the_node_is_a_refused_plan()
    {
        OrderRules.Check(Sound, Spec, Limits, boundsWindows: false);
        FluentActions.Invoking(() => OrderRules.Check(Sound, Spec, Limits with { MaxMemory = 1000 }, boundsWindows: false))
            .Should().Throw<PlanRefusedException>().WithMessage("*this node gives 1000*");
    }

    [Theory]
    [InlineData(0.15, 1.2)]
    [InlineData(0.001, 10)]
    [InlineData(3, 9)]
    public void A_sound_hello_holds(double interval, double timeout)
    {
        HeartbeatOptions heartbeats = OrderRules.Check(new HostHello(ControlMessage.ProtocolVersion, interval, timeout), Limits);
        heartbeats.Should().Be(new HeartbeatOptions { Interval = TimeSpan.FromSeconds(interval), Timeout = TimeSpan.FromSeconds(timeout) });
    }

    [Theory]
    [InlineData(0, 1.2, "*interval*")]
    [InlineData(double.NaN, 1.2, "*interval*")]
    [InlineData(0.5, 1.2, "*interval*")]
    [InlineData(0.15, 10.1, "*timeout*")]
    [InlineData(0.15, 0, "*timeout*")]
    [InlineData(0.15, double.NaN, "*timeout*")]
    [InlineData(0.15, double.PositiveInfinity, "*timeout*")]
    [InlineData(-1, -1, "*timeout*")]
    public void A_hello_that_cannot_hold_is_refused(double interval, double timeout, string message) =>
        FluentActions.Invoking(() => OrderRules.Check(new HostHello(ControlMessage.ProtocolVersion, interval, timeout), Limits))
            .Should().Throw<ProtocolException>().WithMessage(message);

    [Fact]
    public void Another_protocol_is_named() =>
        FluentActions.Invoking(() => OrderRules.Check(new HostHello(ControlMessage.ProtocolVersion + 1, 0.15, 1.2), Limits))
            .Should().Throw<ProtocolException>().WithMessage($"*control protocol {ControlMessage.ProtocolVersion + 1}, this node {ControlMessage.ProtocolVersion}*");

    [Theory]
    [InlineData("model folder")]
    [InlineData("fingerprint")]
    [InlineData("backend")]
    [InlineData("transport")]
    public void Texts_of_an_order_to_open_are_there_and_short(string field)
    {
        OpenOrder sound = new("model", "fingerprint", "cpu", "tcp");
        OrderRules.Check(sound);
        foreach (string? text in new[] { null, new string('a', 4097) })
        {
            OpenOrder order = field switch
            {
                "model folder" => sound with { ModelFolder = text! },
                "fingerprint" => sound with { Fingerprint = text! },
                "backend" => sound with { Backend = text! },
                _ => sound with { Transport = text! },
            };
            FluentActions.Invoking(() => OrderRules.Check(order)).Should().Throw<ProtocolException>().WithMessage($"*{field}*");
        }
    }

    private static void Refused(LoadOrder order, string message) =>
        FluentActions.Invoking(() => OrderRules.Check(order, Spec, Limits, boundsWindows: false)).Should().Throw<ProtocolException>().WithMessage(message);

    private static LoadOrder With(ShardOptions options) => Sound with { Options = options };

    private static LoadOrder With(ShardAssignment assignment) => Sound with { Assignment = assignment };

    private static ModelSpec Read() => Models.TinyModel.Of("LlamaForCausalLM").Read();
}
