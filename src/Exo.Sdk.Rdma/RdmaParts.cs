namespace Exo.Sdk.Rdma;

/// <summary>Adds RDMA to what a cluster chooses its transport from, or to what a node has.</summary>
public static class RdmaParts
{
    /// <summary>
    /// Takes RDMA where ranks are on different machines and every one of them can use it, and else what would be taken without this call.
    /// <c>Cluster.TransportReason</c> says which and why. To insist on RDMA, pass a <see cref="RdmaTransport"/> to
    /// <c>ClusterBuilder.UseTransport</c>.
    /// </summary>
    /// <typeparam name="TParts">A cluster's builder or a node's options.</typeparam>
    /// <param name="parts">The builder or the options.</param>
    /// <param name="options">How to use this machine's devices, or null for the defaults. Child processes use the defaults, and other nodes have their own.</param>
    /// <returns>The same with this transport added.</returns>
    /// <exception cref="ConfigurationException">An option is out of range.</exception>
    public static TParts UseRdma<TParts>(this TParts parts, RdmaOptions? options = null)
        where TParts : IClusterParts<TParts> => parts.OfferTransport(new RdmaTransport(options ?? new RdmaOptions()));
}
