namespace Exo.Sdk;

/// <summary>A transport that the program offers, and whether it comes into question as far as this machine can tell.</summary>
/// <param name="Transport">The transport.</param>
/// <param name="Refusal">Why it does not, or null.</param>
internal sealed record TransportCandidate(ITransport Transport, string? Refusal)
{
    /// <summary>Asks the offered transports in the order of preference. Ranks that are threads of one process need none of them.</summary>
    /// <param name="options">What the cluster is made of.</param>
    public static IReadOnlyList<TransportCandidate> Of(ClusterOptions options) =>
        options.Transport is not null || (options.RemoteNodes.Count == 0 && !options.HasProcesses)
            ? []
            : [.. options.OfferedTransports.Select(transport => new TransportCandidate(transport, Refuse(transport, options)))];

    private static string? Refuse(ITransport transport, ClusterOptions options)
    {
        Availability here = transport.Probe();
        return !here.IsAvailable ? here.Reason
            : transport is IRdmaTransport && options.RemoteNodes.Count == 0 ? "no two ranks are on different machines"
            : null;
    }
}
