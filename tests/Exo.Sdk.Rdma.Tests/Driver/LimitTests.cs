using Exo.Sdk.Rdma.Tests.Support;

namespace Exo.Sdk.Rdma.Tests.Driver;

/// <summary>The limits that Apple states, on the kernel's driver.</summary>
[Collection(DriverCollection.Name)]
public sealed class LimitTests
{
    private static readonly RdmaOptions Apple = new()
    {
        Connection = RdmaConnection.Unreliable,
        LimitCeiling = RdmaOptions.AppleLimits,
        CountsFrames = true,
        Devices = ["rxe0a", "rxe0b"],
    };

    [CableFact]
    public void The_device_is_described_with_its_ports_GIDs_and_limits()
    {
        RdmaDevice device = new RdmaTransport(Apple with { LimitCeiling = null }).ListDevices()[0];
        device.Name.Should().Be("rxe0a");
        device.Ports.Should().ContainSingle();
        device.Ports[0].Should().BeEquivalentTo(new { Number = 1, IsActive = true, MaxTransferUnit = 4096, State = "active", LinkLayer = "Ethernet" });
        device.Ports[0].Gids.Should().Contain("::ffff:10.77.0.1");
        device.Limits.MaxMessageBytes.Should().Be(8 << 20);
        device.Limits.MaxQueuePairs.Should().BeGreaterThan(1000);
        new RdmaTransport(Apple).ListDevices()[0].Limits.Should().Be(RdmaOptions.AppleLimits with { MaxMessageBytes = 8 << 20 });
    }

    [CableTheory]
    [InlineData(4096, 64)]
    [InlineData(65_536, 1024)]
    public void Collectives_work_within_Apples_limits(int slotBytes, int depth)
    {
        using RankGroup group = RankGroup.Connect(Apple with { SlotBytes = slotBytes, Depth = depth }, 2);
        CollectiveChecks.AllReduce(group, 1, 4096, 100_000);
        int frames = slotBytes / RdmaOptions.FrameBytes;
        group.Links[0].Links[1]!.Receives.Should().Be(Math.Min(depth + 8, 4095 / frames));
    }

    [CableFact]
    public async Task An_eleventh_queue_pair_is_refused_with_the_limit()
    {
        RdmaOptions one = Apple with { Devices = ["rxe0a"], Depth = 4 };
        RdmaOptions[] twelve = [.. Enumerable.Repeat(one, 12)];
        Func<Task> connect = () => RankGroup.ConnectAsync(twelve, connectTimeout: TimeSpan.FromSeconds(60));
        (await connect.Should().ThrowAsync<UnavailableException>()).WithMessage("*rxe0a allows 10 queue pairs*11 more are needed*");

        // Six on each of two devices: every pair of ranks on one machine meets on the cable, not on one device.
        using RankGroup six = RankGroup.Connect(Apple with { Depth = 4 }, 6);
        CollectiveChecks.AllReduce(six, 1000);
    }

    [CableFact]
    public void A_hundred_and_first_region_is_refused_with_the_limit()
    {
        RdmaTransport transport = new(Apple);
        List<IRdmaMemory> regions = [.. Enumerable.Range(0, 100).Select(_ => transport.RegisterMemory("rxe0a", 4096))];
        Action more = () => transport.RegisterMemory("rxe0a", 4096);
        more.Should().Throw<UnavailableException>().WithMessage("*rxe0a allows 100 memory regions; 100 are in use*");
        regions.ForEach(region => region.Dispose());
        using IRdmaMemory again = transport.RegisterMemory("rxe0a", 5000);
        (again.Address % 4096).Should().Be(0);
        again.ByteCount.Should().Be(5000);
    }
}
