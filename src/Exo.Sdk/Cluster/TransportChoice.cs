using Exo.Sdk.Transport;

namespace Exo.Sdk;

/// <summary>The data plane's transport and why it is that one.</summary>
/// <param name="Transport">The transport.</param>
/// <param name="Reason">Why, as a phrase for people.</param>
internal sealed record TransportChoice(ITransport Transport, string Reason)
{
    /// <summary>
    /// Chooses the quickest transport that reaches all ranks: memory of one process where they are its threads, memory shared
    /// by processes where all are on this machine, else TCP.
    /// </summary>
    /// <param name="options">What the cluster is made of.</param>
    /// <param name="sharedMemory">The transport to use between processes of this machine; null for the built-in one.</param>
    /// <returns>The choice.</returns>
    public static TransportChoice Make(ClusterOptions options, ITransport? sharedMemory = null)
    {
        if (options.Transport is { } given)
        {
            return new TransportChoice(given, "it was asked for with UseTransport");
        }

        if (options.RemoteNodes.Count > 0)
        {
            return new TransportChoice(new TcpTransport(), "a node that was started elsewhere takes part");
        }

        if (!options.HasProcesses)
        {
            return new TransportChoice(new InProcessTransport(), "all ranks are threads of this process");
        }

        sharedMemory ??= new SharedMemoryTransport();
        Availability shared = sharedMemory.Probe();
        return shared.IsAvailable
            ? new TransportChoice(sharedMemory, "all ranks are processes of this machine")
            : new TransportChoice(new TcpTransport(), $"the ranks are processes of this machine, but shared memory cannot be used: {shared.Reason}");
    }
}
