namespace Exo.Sdk.Models;

/// <summary>One transformer layer: a token mixer, then a feed-forward, each added to the residual stream.</summary>
/// <param name="Mixer">What lets tokens see earlier ones.</param>
/// <param name="FeedForward">What treats each token by itself.</param>
public sealed record LayerSpec(TokenMixer Mixer, FeedForward FeedForward)
{
    /// <summary>Both halves in order.</summary>
    public IReadOnlyList<LayerPart> Parts => [Mixer, FeedForward];

    /// <summary>All matrices of the layer.</summary>
    public IEnumerable<LinearSpec> Linears => Mixer.Linears.Concat(FeedForward.Linears);

    /// <summary>All norms of the layer.</summary>
    public IEnumerable<NormSpec> Norms => Mixer.Norms.Concat(FeedForward.Norms);
}
