namespace Exo.Golden.Catalog;

internal static class MistralModels
{
    public static IReadOnlyList<GoldenModel> All { get; } =
    [
        new("mistral-f32-head-dim", "Mistral-Nemo: head_dim is not hidden / heads, no window", 10, """
            {
              "architectures": [
                "MistralForCausalLM"
              ],
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 16,
              "hidden_act": "silu",
              "hidden_size": 40,
              "initializer_range": 0.02,
              "intermediate_size": 56,
              "max_position_embeddings": 512,
              "model_type": "mistral",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "rms_norm_eps": 1e-05,
              "rope_theta": 1000000.0,
              "sliding_window": null,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.43.0",
              "use_cache": true,
              "vocab_size": 72
            }
            """),

        new("mistral-f32-sliding-window", "Mistral 7B v0.1: a window of 8 that a prompt of 19 already exceeds, over three layers", 19, """
            {
              "architectures": [
                "MistralForCausalLM"
              ],
              "bos_token_id": 1,
              "eos_token_id": 2,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 64,
              "max_position_embeddings": 512,
              "model_type": "mistral",
              "num_attention_heads": 4,
              "num_hidden_layers": 3,
              "num_key_value_heads": 2,
              "rms_norm_eps": 1e-05,
              "rope_theta": 10000.0,
              "sliding_window": 8,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.34.0",
              "use_cache": true,
              "vocab_size": 64
            }
            """),
    ];
}
