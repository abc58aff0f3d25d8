namespace Exo.Sdk.Models.Families;

/// <summary>
/// Llama 2 and 3 (Touvron et al. 2023, Grattafiori et al. 2024). Biases are rare and stated; one flag covers all four
/// projections of attention, another the feed-forward block.
/// </summary>
internal sealed class Llama : IModelFamily
{
    public string Name => "llama";

    public string Architecture => "LlamaForCausalLM";

    public ModelSpec Read(ConfigObject config, WeightCatalog weights)
    {
        bool hasAttentionBias = config.Flag("attention_bias", defaultValue: false);
        Decoder decoder = new()
        {
            HasQueryKeyValueBias = hasAttentionBias,
            HasOutputBias = hasAttentionBias,
            HasFeedForwardBias = config.Flag("mlp_bias", defaultValue: false),
        };
        return decoder.Read(config, weights);
    }
}
