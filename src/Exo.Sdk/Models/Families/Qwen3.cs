namespace Exo.Sdk.Models.Families;

/// <summary>
/// Qwen 3, dense (Yang et al. 2025): Llama's decoder whose queries and keys are RMS-normed per head before rope, with heads of 128
/// whatever the hidden size. The biases of Qwen 2 are gone unless stated.
/// </summary>
internal sealed class Qwen3 : IModelFamily
{
    public string Name => "qwen3";

    public string Architecture => "Qwen3ForCausalLM";

    public ModelSpec Read(ConfigObject config, WeightCatalog weights)
    {
        bool hasAttentionBias = config.Flag("attention_bias", defaultValue: false);
        Decoder decoder = new()
        {
            DefaultKeyValueHeads = 32,
            DefaultHeadSize = 128,
            HasQueryKeyNorm = true,
            HasQueryKeyValueBias = hasAttentionBias,
            HasOutputBias = hasAttentionBias,
            SlidingWindow = QwenWindow.Read(config),
        };
        return decoder.Read(config, weights);
    }
}
