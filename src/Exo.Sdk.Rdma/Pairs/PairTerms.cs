using System.Buffers.Binary;
using System.Net;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Native;

namespace Exo.Sdk.Rdma.Pairs;

/// <summary>What two ranks agree on from their two offers; both compute the same.</summary>
/// <param name="LowerPort">The port of the lower rank, by its place in that rank's offer.</param>
/// <param name="HigherPort">The port of the higher rank.</param>
/// <param name="IsReliable">The kind of queue pair.</param>
/// <param name="SlotBytes">Bytes per message.</param>
/// <param name="Depth">Messages under way each way.</param>
/// <param name="Mtu">Bytes per packet.</param>
/// <param name="PadsMessages">Whether every message fills its slot.</param>
/// <param name="FramesPerSlot">What a slot counts for in a queue's depth.</param>
internal readonly record struct PairTerms(
    int LowerPort, int HigherPort, bool IsReliable, int SlotBytes, int Depth, int Mtu, bool PadsMessages, int FramesPerSlot)
{
    /// <summary>Receives, and sends, that are kept beyond the depth for reports and repetitions.</summary>
    public const int Spare = 8;

    /// <summary>The bytes of a slab that a pair needs: sends, reports, and receives twice for those that are held.</summary>
    public long SlabBytes => (long)SlotBytes * ((3L * Depth) + (2 * Spare));

    /// <summary>Agrees.</summary>
    /// <param name="lower">The offer of the lower rank.</param>
    /// <param name="higher">The offer of the higher rank.</param>
    /// <param name="lowerRank">The lower rank, for errors.</param>
    /// <param name="higherRank">The higher rank, for errors.</param>
    /// <returns>The terms.</returns>
    /// <exception cref="ProtocolException">The ranks want different kinds of queue pair.</exception>
    /// <exception cref="UnavailableException">No port of one is in a subnet of the other, or a limit leaves nothing.</exception>
    public static PairTerms Agree(PairOffer lower, PairOffer higher, int lowerRank, int higherRank)
    {
        if (lower.IsReliable != higher.IsReliable)
        {
            throw new ProtocolException(
                $"Rank {lowerRank} uses {Kind(lower)} queue pairs and rank {higherRank} {Kind(higher)}; set RdmaOptions.Connection alike on both.");
        }

        (int first, int second) = FindPorts(lower, higher);
        if (first < 0)
        {
            throw new UnavailableException(
                $"No RDMA port of rank {lowerRank} ({List(lower)}) is in the subnet of one of rank {higherRank} ({List(higher)}). "
                + "Check the cable, and give both ends of each link addresses of one subnet that no other link uses.");
        }

        OfferedPort a = lower.Ports[first];
        OfferedPort b = higher.Ports[second];
        bool countsFrames = lower.CountsFrames || higher.CountsFrames;
        long longest = Math.Min(a.MaxMessageBytes, b.MaxMessageBytes) / 16 * 16;
        int slotBytes = (int)Math.Min(Math.Min(lower.SlotBytes, higher.SlotBytes), longest);
        int frames = countsFrames ? (slotBytes + RdmaOptions.FrameBytes - 1) / RdmaOptions.FrameBytes : 1;
        int room = (Math.Min(a.MaxWorkRequests, b.MaxWorkRequests) / frames) - Spare;
        int depth = Math.Min(Math.Min(lower.Depth, higher.Depth), room);
        if (slotBytes < 256 || depth < 1)
        {
            throw new UnavailableException(
                $"Between rank {lowerRank} ({a.Device}) and rank {higherRank} ({b.Device}) the devices allow messages of {longest} bytes and "
                + $"{Math.Min(a.MaxWorkRequests, b.MaxWorkRequests)} work requests, {frames} a message; at least 256 bytes and {Spare + 1} messages are needed. "
                + "Use smaller slots.");
        }

        return new PairTerms(
            first, second, lower.IsReliable, slotBytes, depth, Math.Min(a.Mtu, b.Mtu), frames > 1, frames);
    }

    /// <summary>
    /// The first port of the lower rank, in its order, that shares a subnet with one of the higher rank. Ranks on one
    /// machine offer the same ports; they take two different ones where they can, so that a cable between them is used.
    /// </summary>
    private static (int Lower, int Higher) FindPorts(PairOffer lower, PairOffer higher)
    {
        (int Lower, int Higher) itself = (-1, -1);
        for (int first = 0; first < lower.Ports.Count; first++)
        {
            for (int second = 0; second < higher.Ports.Count; second++)
            {
                OfferedPort a = lower.Ports[first];
                OfferedPort b = higher.Ports[second];
                uint mask = uint.MaxValue << (32 - Math.Min(a.PrefixLength, b.PrefixLength));
                if (((Bits(a) ^ Bits(b)) & mask) != 0)
                {
                    continue;
                }

                if (Bits(a) != Bits(b))
                {
                    return (first, second);
                }

                itself = itself.Lower < 0 ? (first, second) : itself;
            }
        }

        return itself;
    }

    private static uint Bits(in OfferedPort port)
    {
        Gid gid = port.Gid;
        ReadOnlySpan<byte> bytes = gid;
        return BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
    }

    private static string Kind(PairOffer offer) => offer.IsReliable ? "RC" : "UC";

    private static string List(PairOffer offer) => offer.Ports.Count == 0
        ? "none"
        : string.Join(", ", offer.Ports.Select(port => $"{port.Device} {(GidTable.Ipv4(port.Gid) ?? IPAddress.None)}/{port.PrefixLength}"));
}
