using System.Net;

namespace Exo.Sdk.Hosts;

/// <summary>A transport of a node, in the node's hello.</summary>
/// <param name="Name">The transport's name.</param>
/// <param name="Refusal">Why it cannot be used there, or null where it can.</param>
/// <param name="Networks">The networks that it reaches, or null where it reaches whatever TCP reaches.</param>
internal sealed record TransportOffer(string Name, string? Refusal = null, string?[]? Networks = null)
{
    /// <summary>What a node on this machine says of a transport.</summary>
    public static TransportOffer Of(ITransport transport) => transport.Probe() is { IsAvailable: false } missing
        ? new TransportOffer(transport.Name, missing.Reason)
        : new TransportOffer(transport.Name, null, transport.Reach().Networks?.ToArray());

    /// <summary>Whether two ranks with these offers reach each other.</summary>
    public bool Reaches(TransportOffer other) =>
        Networks is null || other.Networks is null || Parsed().Any(mine => other.Parsed().Any(theirs => Overlap(mine, theirs)));

    private IEnumerable<IPNetwork> Parsed() =>
        Networks!.Select(text => IPNetwork.TryParse(text, out IPNetwork network) ? network : (IPNetwork?)null).OfType<IPNetwork>();

    private static bool Overlap(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);
}

/// <summary>The transports that one node offers.</summary>
/// <param name="Node">The node's name, for people.</param>
/// <param name="Offers">What it said in its hello; not to be trusted.</param>
internal sealed record NodeTransports(string Node, IReadOnlyList<TransportOffer?>? Offers)
{
    /// <summary>What the node says of the transport of a name, or null if it does not know it.</summary>
    public TransportOffer? Of(string name) => Offers?.FirstOrDefault(offer => offer?.Name == name);
}
