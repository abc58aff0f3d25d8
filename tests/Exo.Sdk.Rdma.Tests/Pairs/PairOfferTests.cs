using System.Buffers.Binary;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Pairs;

namespace Exo.Sdk.Rdma.Tests.Pairs;

public sealed class PairOfferTests
{
    private static readonly PairOffer Sample = PairTermsTests.Offer(
        4096, 64, PairTermsTests.Port("rdma_en5", "10.0.1.1", 30), PairTermsTests.Port("rdma_en6", "10.0.2.1", 16, 1024));

    [Fact]
    public void What_is_written_is_read()
    {
        PairOffer read = PairOffer.Read(Write(Sample), 1);
        (read.IsReliable, read.CountsFrames, read.SlotBytes, read.Depth).Should().Be((false, false, 4096, 64));
        read.Ports.Should().HaveCount(2);
        for (int i = 0; i < 2; i++)
        {
            OfferedPort port = read.Ports[i];
            OfferedPort expected = Sample.Ports[i];
            (port.Device, port.PrefixLength, port.Mtu, port.MaxWorkRequests, port.MaxMessageBytes)
                .Should().Be((expected.Device, expected.PrefixLength, expected.Mtu, expected.MaxWorkRequests, expected.MaxMessageBytes));
            GidTable.Format(port.Gid).Should().Be(GidTable.Format(expected.Gid));
        }
    }

    [Theory]
    [InlineData(0, 0)]       // the mark
    [InlineData(8, 2)]       // the version
    [InlineData(9, 3)]       // the kind
    [InlineData(11, 17)]     // the number of ports
    [InlineData(15, 0x7F)]   // slot bytes
    [InlineData(18, 1)]      // depth
    [InlineData(32 + 10, 0)] // a GID without an IPv4 address
    [InlineData(32 + 16, 33)]
    [InlineData(32 + 20, 7)]
    [InlineData(32 + 27, 0x80)]
    [InlineData(32 + 39, 0x80)]
    public void A_byte_out_of_range_is_a_typed_error(int at, byte value)
    {
        byte[] message = Write(Sample);
        message[at] = value;
        Action read = () => PairOffer.Read(message, 1);
        read.Should().Throw<ProtocolException>().WithMessage("*ank 1*");
    }

    [Fact]
    public void Random_bytes_end_in_a_typed_error_or_an_offer_in_range()
    {
        Random random = new(5);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] message = Write(Sample);
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                message[random.Next(8, 240)] = (byte)random.Next(256);
            }

            try
            {
                PairOffer read = PairOffer.Read(message, 1);
                read.Ports.Count.Should().BeLessThanOrEqualTo(PairOffer.MaxPorts);
                read.SlotBytes.Should().BeInRange(256, 8 << 20);
            }
            catch (ProtocolException)
            {
                // As it should be.
            }
        }
    }

    [Theory]
    [InlineData(0, 0u)]
    [InlineData(8, 0x0100_0000u)]
    [InlineData(12, 8u)]
    [InlineData(12, 0x8000_0000u)]
    public void A_card_out_of_range_is_a_typed_error(int at, uint value)
    {
        byte[] message = new byte[PairCard.ByteCount];
        PairCard card = new(17, 0xFFFFFF, 72);
        card.Write(message);
        PairCard.Read(message, 2).Should().Be(card);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(at), value);
        Action read = () => PairCard.Read(message, 2);
        read.Should().Throw<ProtocolException>().WithMessage("Rank 2 *");
    }

    private static byte[] Write(PairOffer offer)
    {
        byte[] message = new byte[PairOffer.ByteCount];
        offer.Write(message);
        return message;
    }
}
