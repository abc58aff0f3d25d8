using System.Net;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Rdma.Pairs;

namespace Exo.Sdk.Rdma.Tests.Pairs;

public sealed class PairTermsTests
{
    [Fact]
    public void The_ports_of_one_subnet_meet_and_the_smaller_values_hold()
    {
        PairOffer lower = Offer(4096, 64, Port("en4", "10.0.1.1", 30), Port("en5", "10.0.2.1", 30));
        PairOffer higher = Offer(8192, 32, Port("en7", "10.0.2.2", 30, mtu: 1024));
        PairTerms terms = PairTerms.Agree(lower, higher, 0, 1);
        terms.Should().Be(new PairTerms(1, 0, false, 4096, 32, 1024, false, 1));
    }

    [Fact]
    public void Ports_of_one_machine_meet_on_the_cable_between_them_or_on_one_device()
    {
        PairOffer both = Offer(4096, 64, Port("rxe0a", "10.0.0.1", 24), Port("rxe0b", "10.0.0.2", 24));
        PairTerms terms = PairTerms.Agree(both, both, 0, 1);
        (terms.LowerPort, terms.HigherPort).Should().Be((0, 1));
        PairOffer alone = Offer(4096, 64, Port("rxe0", "10.0.0.1", 24));
        PairTerms.Agree(alone, alone, 0, 1).HigherPort.Should().Be(0);
    }

    [Fact]
    public void Strangers_are_told_which_ports_they_have()
    {
        Action agree = () => PairTerms.Agree(Offer(4096, 64, Port("en4", "10.0.1.1", 24)), Offer(4096, 64, Port("en5", "10.0.2.1", 24)), 2, 3);
        agree.Should().Throw<UnavailableException>().WithMessage("*rank 2 (en4 10.0.1.1/24)*rank 3 (en5 10.0.2.1/24)*");
        Action none = () => PairTerms.Agree(Offer(4096, 64), Offer(4096, 64, Port("en5", "10.0.2.1", 24)), 0, 1);
        none.Should().Throw<UnavailableException>().WithMessage("*rank 0 (none)*");
    }

    [Fact]
    public void Different_kinds_of_queue_pair_are_refused()
    {
        PairOffer reliable = Offer(4096, 64, Port("a", "10.0.0.1", 24)) with { IsReliable = true };
        Action agree = () => PairTerms.Agree(reliable, Offer(4096, 64, Port("b", "10.0.0.2", 24)), 0, 1);
        agree.Should().Throw<ProtocolException>().WithMessage("*RC*UC*");
    }

    [Theory]
    [InlineData(4096, 1024, 1024, 1)]
    [InlineData(65_536, 1024, 247, 16)]
    [InlineData(1 << 20, 1024, 7, 256)]
    public void Depth_is_counted_in_frames_where_the_device_does(int slotBytes, int depth, int expected, int frames)
    {
        RdmaLimits apple = RdmaOptions.AppleLimits;
        OfferedPort port = Port("en5", "10.0.0.1", 24) with { MaxWorkRequests = apple.MaxWorkRequests, MaxMessageBytes = apple.MaxMessageBytes };
        PairOffer offer = Offer(slotBytes, depth, port) with { CountsFrames = true };
        PairTerms terms = PairTerms.Agree(offer, offer, 0, 1);
        (terms.Depth, terms.FramesPerSlot, terms.PadsMessages).Should().Be((expected, frames, frames > 1));
        ((terms.Depth + PairTerms.Spare) * frames).Should().BeLessThanOrEqualTo(apple.MaxWorkRequests);
    }

    [Fact]
    public void A_slot_is_never_longer_than_the_devices_longest_message()
    {
        PairOffer offer = Offer(8 << 20, 4, Port("a", "10.0.0.1", 24) with { MaxMessageBytes = 1_000_001 });
        PairTerms.Agree(offer, offer, 0, 1).SlotBytes.Should().Be(1_000_000);
        PairOffer frames = Offer(8 << 20, 4, Port("a", "10.0.0.1", 24) with { MaxWorkRequests = 4095 }) with { CountsFrames = true };
        Action agree = () => PairTerms.Agree(frames, frames, 0, 1);
        agree.Should().Throw<UnavailableException>("eight spare messages of 2048 frames do not fit").WithMessage("*Use smaller slots*");
    }

    internal static PairOffer Offer(int slotBytes, int depth, params OfferedPort[] ports) => new(false, false, slotBytes, depth, ports);

    internal static OfferedPort Port(string device, string address, int prefix, int mtu = 4096)
    {
        Gid gid = default;
        IPAddress.Parse("::ffff:" + address).GetAddressBytes().CopyTo((Span<byte>)gid);
        return new OfferedPort(device, gid, prefix, mtu, 16_384, 8 << 20);
    }
}
