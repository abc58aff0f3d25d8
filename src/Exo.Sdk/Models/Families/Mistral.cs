namespace Exo.Sdk.Models.Families;

/// <summary>
/// Mistral (Jiang et al. 2023): Llama's decoder without biases whose attention may look back a window only. The first release had one of
/// 4096, and that holds where the configuration is silent; later ones say null.
/// </summary>
internal sealed class Mistral : IModelFamily
{
    private const int FirstReleasesWindow = 4096;

    public string Name => "mistral";

    public string Architecture => "MistralForCausalLM";

    public ModelSpec Read(ConfigObject config, WeightCatalog weights)
    {
        int? window = config.Has("sliding_window") ? config.OptionalInteger("sliding_window", 1, int.MaxValue) : FirstReleasesWindow;
        Decoder decoder = new() { DefaultKeyValueHeads = 8, SlidingWindow = _ => window };
        return decoder.Read(config, weights);
    }
}
