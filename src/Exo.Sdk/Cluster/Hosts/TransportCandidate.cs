using Exo.Sdk.Control;

namespace Exo.Sdk.Hosts;

/// <summary>A transport that the program offers, and what this machine says of it.</summary>
/// <param name="Transport">The transport.</param>
/// <param name="Here">This machine's offer; one with a refusal is out of the question.</param>
internal sealed record TransportCandidate(ITransport Transport, TransportOffer Here)
{
    /// <summary>Asks the offered transports in the order of preference. Ranks that are threads of one process need none of them.</summary>
    /// <param name="options">What the cluster is made of.</param>
    public static IReadOnlyList<TransportCandidate> Of(ClusterOptions options) =>
        options.Transport is not null || (options.RemoteNodes.Count == 0 && !options.HasProcesses)
            ? []
            : [.. options.OfferedTransports.Select(transport => new TransportCandidate(transport, Ask(transport, options)))];

    /// <summary>Why the ranks cannot use it, or null: each must have it, and each pair must reach each other.</summary>
    /// <param name="nodes">What each node outside this process offers.</param>
    public string? Refusal(IReadOnlyList<NodeTransports> nodes)
    {
        if (Here.Refusal is { } refusal)
        {
            return refusal;
        }

        List<(string Name, TransportOffer Offer)> ranks = [("this process", Here)];
        foreach (NodeTransports node in nodes)
        {
            if (node.Of(Transport.Name) is not { } offer)
            {
                return $"{node.Node} does not offer it";
            }

            if (offer.Refusal is { } reason)
            {
                return $"{node.Node} cannot use it: {reason}";
            }

            if (ranks.Find(rank => !rank.Offer.Reaches(offer)) is { Name: { } name } apart)
            {
                return $"{name} ({List(apart.Offer)}) and {node.Node} ({List(offer)}) have no network of it in common";
            }

            ranks.Add((node.Node, offer));
        }

        return null;
    }

    private static TransportOffer Ask(ITransport transport, ClusterOptions options)
    {
        if (options.HasProcesses && PartRecipe.Refusal(transport) is { } reason)
        {
            return new TransportOffer(transport.Name, reason);
        }

        TransportOffer here = TransportOffer.Of(transport);
        return here.Refusal is null && transport.Reach().IsForSeveralMachines && options.RemoteNodes.Count == 0
            ? here with { Refusal = "no two ranks are on different machines" }
            : here;
    }

    private static string List(TransportOffer offer) => offer.Networks is { Length: > 0 } networks ? string.Join(", ", networks) : "none";
}
