using System.Net;

namespace Exo.Sdk.Control;

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
