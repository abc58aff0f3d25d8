using Exo.Sdk.Mlx.Distributed;

namespace Exo.Sdk.Mlx.Tests.Distributed;

public sealed class RdmaCablingTests
{
    [Fact]
    public void Every_cable_of_a_mesh_is_found_from_both_ends()
    {
        // Cables a1–b1, a2–c1, b2–c2.
        RdmaCabling.Devices(
        [
            [Port("en2", "a1", "b1"), Port("en3", "a2", "c1"), Port("en4", "a3", null)],
            [Port("en5", "b1", "a1"), Port("en6", "b2", "c2")],
            [Port("en2", "c1", "a2"), Port("en3", "c2", "b2")],
        ]).Should().BeEquivalentTo(
            (string[][][])[[[], ["rdma_en2"], ["rdma_en3"]], [["rdma_en5"], [], ["rdma_en6"]], [["rdma_en2"], ["rdma_en3"], []]],
            options => options.WithStrictOrdering());
    }

    [Fact]
    public void The_cables_of_a_pair_have_one_order_on_both_sides()
    {
        IReadOnlyList<IReadOnlyList<IReadOnlyList<string>>> devices = RdmaCabling.Devices(
        [
            [Port("en2", "m", "z"), Port("en3", "k", "a")],
            [Port("en4", "z", "m"), Port("en5", "a", "k")],
        ]);

        // a–k is the cable with the lower identity; m–z the other.
        devices[0][1].Should().Equal("rdma_en3", "rdma_en2");
        devices[1][0].Should().Equal("rdma_en5", "rdma_en4");
    }

    [Fact]
    public void A_ring_does_without_cables_across()
    {
        RdmaCabling.Devices(
        [
            [Port("en1", "a1", "b2"), Port("en2", "a2", "d1")],
            [Port("en1", "b1", "c2"), Port("en2", "b2", "a1")],
            [Port("en1", "c1", "d2"), Port("en2", "c2", "b1")],
            [Port("en1", "d1", "a2"), Port("en2", "d2", "c1")],
        ])[0][2].Should().BeEmpty();
    }

    [Fact]
    public void A_missing_cable_is_named()
    {
        FluentActions.Invoking(() => RdmaCabling.Devices([[Port("en1", "a", "x")], [Port("en1", "b", null)]])).Should().Throw<UnavailableException>()
            .WithMessage("*between rank 0 and rank 1*");
    }

    [Fact]
    public void Elsewhere_than_on_a_Mac_there_are_no_ports()
    {
        if (!OperatingSystem.IsMacOS())
        {
            RdmaCabling.ReadPorts().Should().BeEmpty();
        }
    }

    private static ThunderboltPort Port(string network, string domain, string? peer) => new(1, network, domain, 80, peer is not null, null, peer);
}
