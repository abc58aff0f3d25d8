namespace Exo.Sdk;

/// <summary>
/// What a cluster or a node may be made of. A package with a compute backend or a transport adds its own with an extension method over this
/// interface, so that it depends on the contracts alone and serves hosts (<c>ClusterBuilder</c>) and nodes (<c>NodeOptions</c>) alike.
/// </summary>
/// <typeparam name="TSelf">The type that implements the interface, so that calls can be chained.</typeparam>
/// <example>
/// <code>
/// public static TParts UseAbacus&lt;TParts&gt;(this TParts parts)
///     where TParts : IClusterParts&lt;TParts&gt; =&gt; parts.OfferBackend(new AbacusBackend());
/// </code>
/// </example>
public interface IClusterParts<TSelf>
    where TSelf : IClusterParts<TSelf>
{
    /// <summary>Adds a compute backend to the automatic choice; see <see cref="IComputeBackend.Standing"/>.</summary>
    /// <param name="backend">The backend.</param>
    /// <returns>The parts with this one added.</returns>
    TSelf OfferBackend(IComputeBackend backend);

    /// <summary>Adds a transport to the automatic choice, before the built-in ones.</summary>
    /// <param name="transport">The transport.</param>
    /// <returns>The parts with this one added.</returns>
    TSelf OfferTransport(ITransport transport);
}
