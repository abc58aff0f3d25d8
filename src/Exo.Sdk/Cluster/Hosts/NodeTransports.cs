using Exo.Sdk.Control;

namespace Exo.Sdk.Hosts;

/// <summary>The transports that one node offers.</summary>
/// <param name="Node">The node's name, for people.</param>
/// <param name="Offers">What it said in its hello; not to be trusted.</param>
internal sealed record NodeTransports(string Node, IReadOnlyList<TransportOffer?>? Offers)
{
    /// <summary>What the node says of the transport of a name, or null if it does not know it.</summary>
    public TransportOffer? Of(string name) => Offers?.FirstOrDefault(offer => offer?.Name == name);
}
