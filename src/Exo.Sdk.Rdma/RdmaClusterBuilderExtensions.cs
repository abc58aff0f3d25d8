namespace Exo.Sdk.Rdma;

/// <summary>Adds RDMA to what a cluster chooses its transport from.</summary>
public static class RdmaClusterBuilderExtensions
{
    /// <summary>
    /// Takes RDMA where ranks are on different machines and every one of them can use it, and else what would be taken without this call.
    /// <see cref="Cluster.TransportReason"/> says which and why. To insist on RDMA, pass a <see cref="RdmaTransport"/> to
    /// <see cref="ClusterBuilder.UseTransport"/>.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="options">How to use this machine's devices, or null for the defaults. Child processes use the defaults, and other nodes have their own.</param>
    /// <returns>The builder.</returns>
    /// <exception cref="ConfigurationException">An option is out of range.</exception>
    public static ClusterBuilder UseRdma(this ClusterBuilder builder, RdmaOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.OfferTransport(new RdmaTransport(options ?? new RdmaOptions()));
    }
}
