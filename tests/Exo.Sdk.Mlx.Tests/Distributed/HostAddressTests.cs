using Exo.Sdk.Mlx.Distributed;

namespace Exo.Sdk.Mlx.Tests.Distributed;

public sealed class HostAddressTests
{
    [Fact]
    public void Ranks_of_one_machine_meet_on_loopback() =>
        HostAddress.Reach(Offer("a", "10.0.0.1/24"), Offer("a", "10.0.0.1/24")).Should().Be("127.0.0.1");

    [Fact]
    public void The_address_in_a_common_network_is_taken() =>
        HostAddress.Reach(Offer("a", "192.168.1.5/24", "10.1.0.1/30"), Offer("b", "172.16.0.9/16", "10.1.0.2/30")).Should().Be("10.1.0.2");

    [Fact]
    public void A_self_assigned_address_is_taken_last()
    {
        RankOffer from = Offer("a", "169.254.3.4/16", "10.0.0.1/8");
        HostAddress.Reach(from, Offer("b", "169.254.9.9/16", "10.9.9.9/8")).Should().Be("10.9.9.9");
        HostAddress.Reach(from, Offer("b", "169.254.9.9/16")).Should().Be("169.254.9.9");
    }

    [Fact]
    public void Without_a_common_network_there_is_none()
    {
        RankOffer[] offers = [Offer("a", "10.0.0.1/24"), Offer("b")];
        HostAddress.Reach(offers[0], offers[1]).Should().BeNull();
        FluentActions.Invoking(() => GroupDescriptionFiles.RingHosts(offers)).Should().Throw<UnavailableException>()
            .WithMessage("*rank 1 has the addresses none and rank 0 has 10.0.0.1/24*");
    }

    [Theory]
    [InlineData("10.1.2.3/8", "10.0.0.0/8")]
    [InlineData("10.1.2.3/32", "10.1.2.3/32")]
    [InlineData("10.1.2.3/0", "0.0.0.0/0")]
    [InlineData("10.1.2.3/33", "")]
    [InlineData("10.1.2.3", "")]
    [InlineData("::1/128", "")]
    [InlineData("nonsense/8", "")]
    public void A_network_is_read_from_address_and_prefix(string address, string expected) => HostAddress.NetworkOf(address).Should().Be(expected);

    private static RankOffer Offer(string machine, params string[] addresses) => new("", machine, 1, 1234, addresses);
}
