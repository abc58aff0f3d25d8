using Exo.Sdk.Rdma.Tests.Support;

namespace Exo.Sdk.Rdma.Tests;

/// <summary>What the transport says of a machine, and how it refuses what a device refuses.</summary>
public sealed class RdmaTransportTests : IDisposable
{
    private readonly Lazy<FakeVerbs> _fake = new();

    private FakeVerbs Fake => _fake.Value;

    public void Dispose()
    {
        if (_fake.IsValueCreated)
        {
            _fake.Value.Dispose();
        }
    }

    [Fact]
    public async Task This_machine_is_explained_either_way()
    {
        RdmaTransport transport = new();
        transport.Name.Should().Be("rdma");
        transport.Probe().Reason.Should().NotBeEmpty();
        if (!transport.Probe().IsAvailable)
        {
            Func<Task> open = async () => await transport.OpenAsync(new TransportOptions());
            (await open.Should().ThrowAsync<UnavailableException>()).Which.Message.Should().Be(transport.Probe().Reason);
        }
    }

    [Theory]
    [InlineData(255, 64)]
    [InlineData(1000, 64)]
    [InlineData(16 << 20, 64)]
    [InlineData(4096, 0)]
    [InlineData(4096, 1025)]
    public void Options_out_of_range_are_refused(int slotBytes, int depth)
    {
        Action make = () => _ = new RdmaTransport(new RdmaOptions { SlotBytes = slotBytes, Depth = depth });
        make.Should().Throw<ConfigurationException>();
    }

    [FakeFact]
    public void A_usable_machine_is_described()
    {
        Availability here = Transport().Probe();
        here.IsAvailable.Should().BeTrue(here.Reason);
        here.Reason.Should().Contain("fake0 port 1 at 10.99.0.1").And.Contain("fake1 port 1 at 10.99.0.2").And.Contain("RC");
        RdmaDevice device = Transport().ListDevices()[1];
        device.Name.Should().Be("fake1");
        device.Ports[0].Gids.Should().Equal("fe80::1", "", "::ffff:10.99.0.2");
        device.Limits.Should().Be(new RdmaLimits(1000, 1000, 16384, 8 << 20));
    }

    [FakeFact]
    public void The_networks_are_those_of_the_usable_ports()
    {
        Transport().Networks().Should().Equal("10.99.0.0/24");
        Fake.Set("devices", 0);
        Transport().Networks().Should().BeEmpty();
    }

    [FakeTheory]
    [InlineData("devices", 0, "finds no RDMA device")]
    [InlineData("no_ipv4", 1, "fake0: port 1 is active, but its interface has no IPv4 address")]
    [InlineData("port_state", 1, "fake1: port 1 is down (no link")]
    public void Each_reason_why_not_is_told(string knob, long value, string reason)
    {
        Fake.Set(knob, value);
        Availability here = Transport().Probe();
        here.IsAvailable.Should().BeFalse();
        here.Reason.Should().Contain(reason);
    }

    [FakeFact]
    public void A_device_that_is_not_there_is_named()
    {
        Availability here = Transport(options => options with { Devices = ["rdma_en9"] }).Probe();
        here.IsAvailable.Should().BeFalse();
        here.Reason.Should().Contain("named rdma_en9");
    }

    [FakeTheory]
    [InlineData("connect_errno", 22, "*ibv_modify_qp to RTR*IPv4 address*Thunderbolt Bridge*")]
    [InlineData("register_errno", 12, "*ibv_reg_mr*ulimit -l*")]
    [InlineData("refuse_local_write", 1, "*ibv_reg_mr*RdmaOptions.Access*")]
    [InlineData("max_qp", 0, "*allows 0 queue pairs*")]
    [InlineData("max_mr", 0, "*allows 0 memory regions*")]
    [InlineData("no_reliable", 1, "*ibv_create_qp (RC*")]
    [InlineData("max_wr", 8, "*work requests*Use smaller slots*")]
    public async Task What_a_device_refuses_is_an_error_with_advice(string knob, long value, string message)
    {
        Fake.Set(knob, value);
        Func<Task> connect = () => RankGroup.ConnectAsync([Options(), Options()]);
        (await connect.Should().ThrowAsync<UnavailableException>()).WithMessage(message);
        Fake.Set(knob, knob.StartsWith("max_", StringComparison.Ordinal) ? 100 : 0);
        Fake.ShouldBeEmpty();
    }

    [FakeFact]
    public void Wider_access_serves_a_driver_that_wants_it()
    {
        Fake.Set("refuse_local_write", 1);
        RdmaOptions wide = Options() with { Access = RdmaAccess.LocalWrite | RdmaAccess.RemoteRead | RdmaAccess.RemoteWrite };
        using RankGroup group = RankGroup.Connect(wide, 2);
        CollectiveChecks.AllReduce(group, 5000);
    }

    [FakeTheory]
    [InlineData(4096, 64)]
    [InlineData(65_536, 1024)]
    [InlineData(1 << 20, 64)]
    public void A_device_with_Apples_rules_is_served(int slotBytes, int depth)
    {
        RdmaLimits apple = RdmaOptions.AppleLimits;
        Fake.Set("max_qp", apple.MaxQueuePairs);
        Fake.Set("max_mr", apple.MaxMemoryRegions);
        Fake.Set("max_wr", apple.MaxWorkRequests);
        Fake.Set("max_message", apple.MaxMessageBytes);
        Fake.Set("no_reliable", 1);
        Fake.Set("count_frames", 1); // A send and its receive that differ in frames kill the pair.
        RdmaOptions options = Options() with
        {
            Connection = RdmaConnection.Unreliable,
            CountsFrames = true,
            SlotBytes = slotBytes,
            Depth = depth,
        };
        using RankGroup group = RankGroup.Connect(options, 3);
        CollectiveChecks.AllReduce(group, 1, 4096, 300_000);
        CollectiveChecks.Exchange(group, 1, 100_000);
        Fake.Get("unposted").Should().Be(0);
    }

    [FakeFact]
    public async Task Ranks_of_different_kinds_do_not_connect()
    {
        RdmaOptions other = Options() with { Connection = RdmaConnection.Unreliable };
        Func<Task> connect = () => RankGroup.ConnectAsync([Options(), other]);
        await connect.Should().ThrowAsync<ProtocolException>();
        Fake.ShouldBeEmpty();
    }

    [FakeFact]
    public async Task Ports_without_a_common_subnet_do_not_connect()
    {
        Fake.Set("devices", 4);
        Func<Task> connect = () => RankGroup.ConnectAsync([Options() with { Devices = ["fake0"] }, Options() with { Devices = ["fake2"] }]);
        (await connect.Should().ThrowAsync<UnavailableException>()).WithMessage("*fake0 10.99.0.1/24*fake2 10.99.1.1/24*");
    }

    [FakeFact]
    public async Task A_wire_that_carries_nothing_is_found_while_connecting()
    {
        Fake.Set("black_hole", 1);
        Func<Task> connect = () => RankGroup.ConnectAsync(
            [Options(), Options()], connectTimeout: TimeSpan.FromMilliseconds(400));
        (await connect.Should().ThrowAsync<PeerLostException>()).WithMessage("*no RDMA message*though TCP reaches it*");
        Fake.ShouldBeEmpty();
    }

    [FakeFact]
    public void Registered_memory_is_counted_and_given_back()
    {
        RdmaTransport transport = Transport(options => options with { LimitCeiling = RdmaOptions.AppleLimits with { MaxMemoryRegions = 2 } });
        using IRdmaMemory first = transport.RegisterMemory("fake0", 100);
        IRdmaMemory second = transport.RegisterMemory("fake0", 8192);
        Action third = () => transport.RegisterMemory("fake0", 1);
        third.Should().Throw<UnavailableException>().WithMessage("*fake0 allows 2 memory regions; 2 are in use*");
        second.Dispose();
        transport.RegisterMemory("fake0", 1).Dispose();
        Action gone = () => _ = second.Address;
        gone.Should().Throw<ObjectDisposedException>();
        Fake.Get("mrs").Should().Be(1);
    }

    private RdmaTransport Transport(Func<RdmaOptions, RdmaOptions>? change = null) => new((change ?? (same => same))(Options()));

    private RdmaOptions Options() => new() { VerbsLibrary = Fake.Library, Connection = RdmaConnection.Reliable, CountsFrames = false };
}
