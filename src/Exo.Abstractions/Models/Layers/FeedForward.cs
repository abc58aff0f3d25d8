namespace Exo.Sdk.Models;

/// <summary>The half of a layer that treats each token by itself.</summary>
public abstract record FeedForward : LayerPart;

/// <summary>The function between a feed-forward's projections.</summary>
public enum Activation
{
    /// <summary>x / (1 + e⁻ˣ) (Elfwing et al. 2018).</summary>
    Silu,

    /// <summary>x·Φ(x), Φ the normal distribution's (Hendrycks and Gimpel 2016).</summary>
    Gelu,

    /// <summary>The approximation of <see cref="Gelu"/> by a hyperbolic tangent, of the same authors.</summary>
    GeluTanh,
}
