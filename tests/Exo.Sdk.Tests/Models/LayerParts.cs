using Exo.Sdk.Models;

namespace Exo.Sdk.Tests.Models;

/// <summary>The parts of layers as today's families make them.</summary>
internal static class LayerParts
{
    public static GroupedQueryAttention Attention(this ModelSpec spec, int layer = 0) => (GroupedQueryAttention)spec.Layers[layer].Mixer;

    public static GatedFeedForward FeedForward(this ModelSpec spec, int layer = 0) => (GatedFeedForward)spec.Layers[layer].FeedForward;
}
