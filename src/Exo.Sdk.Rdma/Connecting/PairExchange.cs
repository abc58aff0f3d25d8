using System.Security.Cryptography;
using Exo.Sdk.Rdma.Devices;
using Exo.Sdk.Rdma.Links;
using Exo.Sdk.Rdma.Native;
using Exo.Sdk.Rdma.Pairs;
using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Rdma.Connecting;

/// <summary>
/// Connects a rank's queue pairs with those of all peers: offers are swapped and terms computed from them, queue pairs
/// made and receives posted, their numbers swapped, the pairs connected, and a message sent each way on each.
/// </summary>
internal static class PairExchange
{
    /// <summary>After so many rounds of a millisecond or more the greeting is sent again.</summary>
    private const int HelloRounds = 20;

    /// <summary>Connects.</summary>
    /// <param name="transport">The transport with its options.</param>
    /// <param name="group">The group.</param>
    /// <param name="side">The TCP links to all peers; the result owns them.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The connected links.</returns>
    /// <exception cref="PeerLostException">A peer is gone or too slow, or messages do not get through.</exception>
    /// <exception cref="ProtocolException">A peer speaks another version or kind.</exception>
    /// <exception cref="UnavailableException">A device refuses, or none reaches a peer.</exception>
    public static RdmaLinkGroup Connect(
        RdmaTransport transport, GroupDescription group, LinkGroup side, CancellationToken cancellationToken)
    {
        SideChannel channel = new(side, group, cancellationToken);
        using VerbsHandle library = VerbsHandle.Open(transport.Options.VerbsLibrary);
        transport.Read(library, out List<LocalPort> ports);
        PairOffer mine = PairOffer.Of(transport.Options, ports);
        byte[] offer = new byte[PairOffer.ByteCount];
        mine.Write(offer);
        byte[][] offers = channel.Swap([.. Enumerable.Range(0, group.Size).Select(_ => offer)]);

        PairTerms[] terms = new PairTerms[group.Size];
        PairOffer[] theirs = new PairOffer[group.Size];
        for (int peer = 0; peer < group.Size; peer++)
        {
            if (peer != group.Rank)
            {
                theirs[peer] = PairOffer.Read(offers[peer], peer);
                terms[peer] = peer > group.Rank
                    ? PairTerms.Agree(mine, theirs[peer], group.Rank, peer)
                    : PairTerms.Agree(theirs[peer], mine, peer, group.Rank);
            }
        }

        PeerLink?[] links = new PeerLink?[group.Size];
        List<LinkDevice> devices = [];
        try
        {
            OpenDevices(transport, group, library, ports, terms, devices, links);
            Introduce(group, channel, theirs, terms, links);
            Greet(group, channel, devices, links);
            return new RdmaLinkGroup(group, side, devices, links);
        }
        catch
        {
            LinkDevice.CloseAll(devices, links);
            throw;
        }
    }

    /// <summary>Opens each device that a peer needs, with one completion queue and one slab for all its peers.</summary>
    private static void OpenDevices(
        RdmaTransport transport,
        GroupDescription group,
        VerbsHandle library,
        List<LocalPort> ports,
        PairTerms[] terms,
        List<LinkDevice> devices,
        PeerLink?[] links)
    {
        IEnumerable<int> peers = Enumerable.Range(0, group.Size).Where(peer => peer != group.Rank);
        foreach (IGrouping<string, int> shared in peers.GroupBy(peer => PortOf(peer).Device))
        {
            LinkDevice device = LinkDevice.Open(
                transport, library, PortOf(shared.First()), [.. shared.Select(peer => terms[peer])]);
            devices.Add(device);
            long at = 0;
            foreach (int peer in shared)
            {
                links[peer] = new PeerLink(peer, group, device, PortOf(peer), terms[peer], at);
                at += terms[peer].SlabBytes;
            }
        }

        LocalPort PortOf(int peer) => ports[peer > group.Rank ? terms[peer].LowerPort : terms[peer].HigherPort];
    }

    /// <summary>Swaps the queue pairs' numbers, receives posted, and connects them.</summary>
    private static void Introduce(
        GroupDescription group, SideChannel channel, PairOffer[] theirs, PairTerms[] terms, PeerLink?[] links)
    {
        byte[][] cards = new byte[group.Size][];
        uint[] firstPackets = new uint[group.Size];
        for (int peer = 0; peer < group.Size; peer++)
        {
            cards[peer] = new byte[PairCard.ByteCount];
            if (links[peer] is { } link)
            {
                firstPackets[peer] = (uint)RandomNumberGenerator.GetInt32(1 << 24);
                new PairCard(link.Number, firstPackets[peer], link.Receives).Write(cards[peer]);
            }
        }

        byte[][] answers = channel.Swap(cards);
        for (int peer = 0; peer < group.Size; peer++)
        {
            if (links[peer] is { } link)
            {
                PairCard card = PairCard.Read(answers[peer], peer);
                OfferedPort port = theirs[peer].Ports[peer > group.Rank ? terms[peer].HigherPort : terms[peer].LowerPort];
                link.Connect(port, card, firstPackets[peer]);
            }
        }

        // A reliable send to a pair that is not connected yet would be answered with an error.
        channel.Swap([.. cards.Select(_ => new byte[] { (byte)'C' })]);
    }

    /// <summary>Sends a message each way on each pair, again where it is lost, and waits until all peers have heard.</summary>
    private static void Greet(GroupDescription group, SideChannel channel, List<LinkDevice> devices, PeerLink?[] links)
    {
        byte[][] confirmations = [.. links.Select(_ => new byte[] { (byte)'H' })];
        byte[][] answers = [.. links.Select(link => new byte[link is null ? 0 : 1])];
        int[] at = new int[group.Size];
        bool told = false;
        for (int round = 0; ; round++)
        {
            foreach (PeerLink? link in round % HelloRounds == 0 ? links : [])
            {
                link?.SendReport();
            }

            foreach (LinkDevice device in devices)
            {
                device.Poll(links);
            }

            int silent = Array.FindIndex(links, link => link is { HasHeard: false });
            if (silent < 0 && !told)
            {
                channel.Send(confirmations);
                told = true;
            }

            channel.TryReceive(answers, at);
            int deaf = Enumerable.Range(0, group.Size).FirstOrDefault(peer => answers[peer].Length > at[peer], -1);
            if (silent < 0 && deaf < 0)
            {
                return;
            }

            if (Array.Find(links, link => link?.Failure is not null) is { } failed)
            {
                throw new UnavailableException($"RDMA: the queue pair to rank {failed.Peer} over {failed.DeviceName} failed: {failed.Failure}.");
            }

            int blamed = silent >= 0 ? silent : deaf;
            channel.Pause(
                blamed,
                0,
                milliseconds: 1,
                $"no RDMA message {(silent >= 0 ? "from it" : "to it")} got through over {links[blamed]!.DeviceName}, though TCP reaches it,");
        }
    }
}
