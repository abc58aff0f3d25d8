using Exo.Sdk.Rdma.Tests.Support;

namespace Exo.Sdk.Rdma.Tests.Driver;

/// <summary>One process per machine has the devices to itself.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class DriverCollection
{
    public const string Name = "driver";
}

/// <summary>The whole transport on the kernel's RDMA driver, over cables whose packets really travel.</summary>
[Collection(DriverCollection.Name)]
public sealed class CableTests
{
    private static readonly int[] Edges =
        [1, 2, 1023, 1024, 1025, 3999, 4047, 4048, 4049, 4095, 4096, 4097, 8095, 8096, 8097, 16_384, 65_535, 65_536, 65_537];

    [CableTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void Two_ranks_get_the_exact_results(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Pair(connection));
        CollectiveChecks.AllReduce(group, 0, 1, 1011, 1012, 1013, 4096, 65_537, 300_000);
        CollectiveChecks.Exchange(group, Edges);
        CollectiveChecks.Others(group);
    }

    [CableTheory(cables: 3)]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void Three_ranks_on_three_cables_get_the_exact_results(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Triangle(connection));
        CollectiveChecks.AllReduce(group, 1, 1012, 4096, 65_537, 200_000);
        CollectiveChecks.Exchange(group, 1, 4048, 4049, 100_000);
        CollectiveChecks.Others(group);
        group.Links.SelectMany(links => links.Links).Where(link => link is not null).Select(link => link!.DeviceName)
            .Should().BeEquivalentTo("rxe0a", "rxe1a", "rxe0b", "rxe2a", "rxe1b", "rxe2b");
    }

    [CableTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void Messages_from_1_byte_to_64_MiB_arrive(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Pair(connection) is [var a, var b] ? [a with { Depth = 256 }, b with { Depth = 256 }] : []);
        CollectiveChecks.Exchange(group, 1, 1 << 10, 1 << 20, 64 << 20);
        CollectiveChecks.AllReduce(group, 16 << 20);
    }

    [CableTheory]
    [InlineData(RdmaConnection.Reliable, 1024)]
    [InlineData(RdmaConnection.Reliable, 4112)]
    [InlineData(RdmaConnection.Reliable, 65_536)]
    [InlineData(RdmaConnection.Unreliable, 1024)]
    [InlineData(RdmaConnection.Unreliable, 4112)]
    [InlineData(RdmaConnection.Unreliable, 65_536)]
    public void Slots_of_less_and_more_than_a_packet_work(RdmaConnection connection, int slotBytes)
    {
        RdmaOptions[] options = [.. Pair(connection).Select(option => option with { SlotBytes = slotBytes, Depth = 20 })];
        using RankGroup group = RankGroup.Connect(options);
        CollectiveChecks.Exchange(group, [.. Edges, slotBytes - 49, slotBytes - 48, slotBytes - 47, (2 * slotBytes) - 96]);
        CollectiveChecks.AllReduce(group, 50_000);
    }

    [CableTheory]
    [InlineData(RdmaConnection.Unreliable, "loss 1%", 4096)]
    [InlineData(RdmaConnection.Unreliable, "loss 5%", 4096)]
    [InlineData(RdmaConnection.Unreliable, "loss 1%", 65_536)]
    [InlineData(RdmaConnection.Unreliable, "delay 1ms reorder 75% 50%", 4096)]
    [InlineData(RdmaConnection.Unreliable, "duplicate 5% corrupt 1%", 4096)]
    [InlineData(RdmaConnection.Reliable, "loss 1%", 4096)]
    public void Faults_of_the_cable_change_no_result(RdmaConnection connection, string faults, int slotBytes)
    {
        RdmaOptions[] options = [.. Pair(connection).Select(option => option with { SlotBytes = slotBytes })];
        using RankGroup group = RankGroup.Connect(options);
        using Netem netem = new(0, faults);
        CollectiveChecks.AllReduce(group, [.. Enumerable.Range(0, 40).Select(i => 1 + (i * 101 % 4096)), 200_000]);
        CollectiveChecks.Exchange(group, 1, 5000, 200_000, 1, 1, 1);
        if (connection == RdmaConnection.Unreliable && faults.StartsWith("loss", StringComparison.Ordinal))
        {
            group.Repeated.Should().BePositive("messages were lost");
        }
    }

    [CableFact(cables: 3)]
    public void Three_ranks_bear_loss_on_one_cable()
    {
        using RankGroup group = RankGroup.Connect(Triangle(RdmaConnection.Unreliable));
        using Netem netem = new(1, "loss 2%");
        CollectiveChecks.AllReduce(group, 1, 4096, 100_000, 1, 1, 4096);
        CollectiveChecks.Others(group);
    }

    [CableTheory]
    [InlineData(RdmaConnection.Reliable)]
    [InlineData(RdmaConnection.Unreliable)]
    public void A_cable_that_is_cut_ends_the_epoch_within_the_deadline(RdmaConnection connection)
    {
        using RankGroup group = RankGroup.Connect(Pair(connection), TimeSpan.FromSeconds(1));
        CollectiveChecks.AllReduce(group, 4096);
        using Netem netem = new(0, "loss 100%");
        Exception?[] failures = group.Catch(collective => collective.AllReduceSum(new float[50_000]));
        failures.Should().AllBeOfType<PeerLostException>();
    }

    /// <summary>Rank 0 and rank 1 at the two ends of cable 0.</summary>
    internal static RdmaOptions[] Pair(RdmaConnection connection, int cable = 0) =>
    [
        new() { Connection = connection, Devices = [$"rxe{cable}a"] },
        new() { Connection = connection, Devices = [$"rxe{cable}b"] },
    ];

    /// <summary>Three ranks, each pair with a cable of its own, as three Macs are wired.</summary>
    private static RdmaOptions[] Triangle(RdmaConnection connection) =>
    [
        new() { Connection = connection, Devices = ["rxe0a", "rxe1a"] },
        new() { Connection = connection, Devices = ["rxe0b", "rxe2a"] },
        new() { Connection = connection, Devices = ["rxe1b", "rxe2b"] },
    ];
}
