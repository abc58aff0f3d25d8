using Exo.Sdk.Transport.Links;

namespace Exo.Sdk.Transport.Collectives;

/// <summary>
/// The ranks of a group among those that the links connect, and their messages. A group and its parts share the links and the messages,
/// because bytes lie in a link in the order in which the operations of all of them were called.
/// </summary>
internal sealed class Membership
{
    private readonly int[] _linkRanks;

    /// <summary>All ranks that the links connect.</summary>
    /// <param name="links">The links.</param>
    public Membership(LinkGroup links)
        : this(links, [.. Enumerable.Range(0, links.Size)], [.. Enumerable.Range(0, links.Size).Select(peer => peer == links.Rank ? null : new MessageLink(links, peer))])
    {
    }

    private Membership(LinkGroup links, int[] linkRanks, MessageLink?[] messages)
    {
        Links = links;
        Messages = messages;
        Rank = Array.IndexOf(linkRanks, links.Rank);
        IsWhole = linkRanks.AsSpan().SequenceEqual([.. Enumerable.Range(0, links.Size)]);
        Peers = ((1u << (linkRanks.Length - 1) << 1) - 1) & ~(1u << Rank);
        _linkRanks = linkRanks;
    }

    /// <summary>The links, which count ranks in their own way: <see cref="LinkRankOf"/>.</summary>
    public LinkGroup Links { get; }

    /// <summary>The messages by rank; none at this rank.</summary>
    public MessageLink?[] Messages { get; }

    /// <summary>This rank.</summary>
    public int Rank { get; }

    /// <summary>The number of ranks.</summary>
    public int Size => _linkRanks.Length;

    /// <summary>One bit for each of the other ranks.</summary>
    public uint Peers { get; }

    /// <summary>Whether these are all ranks that the links connect, in their order.</summary>
    private bool IsWhole { get; }

    /// <summary>What the links call a rank.</summary>
    public int LinkRankOf(int rank) => _linkRanks[rank];

    /// <summary>What the links call ranks, one bit each.</summary>
    public uint ToLinks(uint ranks)
    {
        if (IsWhole)
        {
            return ranks;
        }

        uint links = 0;
        for (int rank = 0; rank < _linkRanks.Length; rank++)
        {
            links |= ((ranks >> rank) & 1) << _linkRanks[rank];
        }

        return links;
    }

    /// <summary>Some of these ranks.</summary>
    /// <param name="members">Which, in the order of the part; this rank is one of them.</param>
    /// <returns>The part.</returns>
    public Membership Part(ReadOnlySpan<int> members)
    {
        int[] linkRanks = new int[members.Length];
        MessageLink?[] messages = new MessageLink?[members.Length];
        for (int i = 0; i < members.Length; i++)
        {
            linkRanks[i] = _linkRanks[members[i]];
            messages[i] = Messages[members[i]];
        }

        return new Membership(Links, linkRanks, messages);
    }
}
