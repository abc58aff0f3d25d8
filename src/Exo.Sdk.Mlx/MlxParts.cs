namespace Exo.Sdk.Mlx;

/// <summary>Adds MLX to what a cluster chooses its compute backend from, or to what a node has.</summary>
public static class MlxParts
{
    /// <summary>
    /// Takes MLX before all others where it can compute on Metal, and else what would be taken without this call. To insist on it, pass an
    /// <see cref="MlxBackend"/> to <c>ClusterBuilder.UseBackend</c>.
    /// </summary>
    /// <typeparam name="TParts">A cluster's builder or a node's options.</typeparam>
    /// <param name="parts">The builder or the options.</param>
    /// <param name="options">How to find MLX and use it, or null for the defaults.</param>
    /// <returns>The same with this backend added.</returns>
    /// <exception cref="ConfigurationException">An option cannot work.</exception>
    public static TParts UseMlx<TParts>(this TParts parts, MlxBackendOptions? options = null)
        where TParts : IClusterParts<TParts> => parts.OfferBackend(new MlxBackend(options ?? new MlxBackendOptions()));
}
