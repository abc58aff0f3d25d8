using Exo.Sdk.Transport;

namespace Exo.Sdk.Hosts;

/// <summary>The data plane's transport and why it is that one.</summary>
/// <param name="Transport">The transport.</param>
/// <param name="Reason">Why, as a phrase for people; first what was passed over.</param>
internal sealed record TransportChoice(ITransport Transport, string Reason)
{
    /// <summary>
    /// Chooses the quickest transport that reaches all ranks: an offered one that every rank has; else memory of one process where
    /// the ranks are its threads, memory shared by processes where all are on this machine, and TCP everywhere else.
    /// </summary>
    /// <param name="options">What the cluster is made of.</param>
    /// <param name="candidates">The offered transports, as <see cref="TransportCandidate.Of"/> gives them.</param>
    /// <param name="nodes">What each node outside this process offers.</param>
    /// <param name="sharedMemory">The transport to use between processes of this machine; null for the built-in one.</param>
    /// <returns>The choice.</returns>
    public static TransportChoice Make(
        ClusterOptions options,
        IReadOnlyList<TransportCandidate> candidates,
        IReadOnlyList<NodeTransports> nodes,
        ITransport? sharedMemory = null)
    {
        if (options.Transport is { } given)
        {
            return new TransportChoice(given, "it was asked for with UseTransport");
        }

        List<string> reasons = [];
        foreach (TransportCandidate candidate in candidates)
        {
            if (candidate.Refusal(nodes) is not { } refusal)
            {
                reasons.Add("every rank has it");
                return new TransportChoice(candidate.Transport, string.Join("; ", reasons));
            }

            reasons.Add($"{candidate.Transport.Name} was passed over ({refusal.TrimEnd('.')})");
        }

        (ITransport transport, string reason) = BuiltIn(options, sharedMemory ?? new SharedMemoryTransport());
        return new TransportChoice(transport, string.Join("; ", [.. reasons, reason]));
    }

    private static (ITransport Transport, string Reason) BuiltIn(ClusterOptions options, ITransport sharedMemory)
    {
        if (options.RemoteNodes.Count > 0)
        {
            return (new TcpTransport(), "a node that was started elsewhere takes part");
        }

        if (!options.HasProcesses)
        {
            return (new InProcessTransport(), "all ranks are threads of this process");
        }

        Availability shared = sharedMemory.Probe();
        return shared.IsAvailable
            ? (sharedMemory, "all ranks are processes of this machine")
            : (new TcpTransport(), $"the ranks are processes of this machine, but shared memory cannot be used: {shared.Reason}");
    }
}
