namespace Exo.Sdk;

/// <summary>A transport of a node, in the node's hello.</summary>
/// <param name="Name">The transport's name.</param>
/// <param name="Refusal">Why it cannot be used there, or null where it can.</param>
internal sealed record TransportOffer(string Name, string? Refusal)
{
    /// <summary>What a node on this machine says of a transport.</summary>
    public static TransportOffer Of(ITransport transport) =>
        new(transport.Name, transport.Probe() is { IsAvailable: false } missing ? missing.Reason : null);
}

/// <summary>The transports that one node offers.</summary>
/// <param name="Node">The node's name, for people.</param>
/// <param name="Offers">What it said in its hello; not to be trusted.</param>
internal sealed record NodeTransports(string Node, IReadOnlyList<TransportOffer?>? Offers)
{
    /// <summary>Why the node cannot use the transport of a name, or null if it can.</summary>
    public string? Refusal(string name)
    {
        TransportOffer? offer = Offers?.FirstOrDefault(offer => offer?.Name == name);
        return offer is null ? $"{Node} does not offer it"
            : offer.Refusal is { } reason ? $"{Node} cannot use it: {reason}"
            : null;
    }
}
