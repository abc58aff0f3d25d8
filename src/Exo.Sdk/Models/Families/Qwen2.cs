namespace Exo.Sdk.Models.Families;

/// <summary>Qwen 2 and 2.5 (Yang et al. 2024): Llama's decoder with biases on queries, keys and values, and on nothing else.</summary>
internal sealed class Qwen2 : IModelFamily
{
    public string Name => "qwen2";

    public string Architecture => "Qwen2ForCausalLM";

    public ModelSpec Read(ConfigObject config, WeightCatalog weights)
    {
        Decoder decoder = new()
        {
            DefaultKeyValueHeads = 32,
            HasQueryKeyValueBias = true,
            SlidingWindow = QwenWindow.Read(config),
        };
        return decoder.Read(config, weights);
    }
}
