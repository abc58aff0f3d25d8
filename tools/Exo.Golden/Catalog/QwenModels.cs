namespace Exo.Golden.Catalog;

internal static class QwenModels
{
    public static IReadOnlyList<GoldenModel> All { get; } =
    [
        new("qwen2-f32-tied", "biases on q, k and v, tied head, sliding_window present but switched off", 21, """
            {
              "architectures": [
                "Qwen2ForCausalLM"
              ],
              "attention_dropout": 0.0,
              "bos_token_id": 78,
              "eos_token_id": 79,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 80,
              "max_position_embeddings": 512,
              "max_window_layers": 2,
              "model_type": "qwen2",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "rms_norm_eps": 0.001,
              "rope_theta": 1000000.0,
              "sliding_window": 8,
              "tie_word_embeddings": true,
              "torch_dtype": "float32",
              "transformers_version": "4.43.1",
              "use_cache": true,
              "use_mrope": false,
              "use_sliding_window": false,
              "vocab_size": 80
            }
            """),

        new("qwen2-f32-untied", "biases on q, k and v, 6 heads over 2, untied head, odd ffn", 14, """
            {
              "architectures": [
                "Qwen2ForCausalLM"
              ],
              "attention_dropout": 0.0,
              "bos_token_id": 78,
              "eos_token_id": 79,
              "hidden_act": "silu",
              "hidden_size": 48,
              "initializer_range": 0.02,
              "intermediate_size": 75,
              "max_position_embeddings": 512,
              "max_window_layers": 0,
              "model_type": "qwen2",
              "num_attention_heads": 6,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "rms_norm_eps": 1e-06,
              "rope_theta": 1000000.0,
              "sliding_window": 512,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.43.1",
              "use_cache": true,
              "use_mrope": false,
              "use_sliding_window": false,
              "vocab_size": 80
            }
            """),

        new("qwen2-bf16", "bfloat16 weights and biases, 8 heads over 4, tied head", 16, """
            {
              "architectures": [
                "Qwen2ForCausalLM"
              ],
              "attention_dropout": 0.0,
              "bos_token_id": 110,
              "eos_token_id": 111,
              "hidden_act": "silu",
              "hidden_size": 64,
              "initializer_range": 0.02,
              "intermediate_size": 96,
              "max_position_embeddings": 512,
              "max_window_layers": 2,
              "model_type": "qwen2",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 4,
              "rms_norm_eps": 1e-06,
              "rope_theta": 1000000.0,
              "sliding_window": 512,
              "tie_word_embeddings": true,
              "torch_dtype": "bfloat16",
              "transformers_version": "4.43.1",
              "use_cache": true,
              "use_mrope": false,
              "use_sliding_window": false,
              "vocab_size": 112
            }
            """),

        new("qwen3-f32", "q and k norms before the rotation, head_dim is not hidden / heads, untied head", 18, """
            {
              "architectures": [
                "Qwen3ForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 78,
              "eos_token_id": 79,
              "head_dim": 16,
              "hidden_act": "silu",
              "hidden_size": 40,
              "initializer_range": 0.02,
              "intermediate_size": 56,
              "max_position_embeddings": 512,
              "max_window_layers": 2,
              "model_type": "qwen3",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "rms_norm_eps": 1e-06,
              "rope_scaling": null,
              "rope_theta": 1000000,
              "sliding_window": null,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.51.0",
              "use_cache": true,
              "use_sliding_window": false,
              "vocab_size": 80
            }
            """),

        new("qwen3-bf16", "bfloat16, q and k norms, three layers, tied head", 22, """
            {
              "architectures": [
                "Qwen3ForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 94,
              "eos_token_id": 95,
              "head_dim": 16,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 64,
              "max_position_embeddings": 512,
              "max_window_layers": 3,
              "model_type": "qwen3",
              "num_attention_heads": 8,
              "num_hidden_layers": 3,
              "num_key_value_heads": 4,
              "rms_norm_eps": 1e-06,
              "rope_scaling": null,
              "rope_theta": 1000000,
              "sliding_window": null,
              "tie_word_embeddings": true,
              "torch_dtype": "bfloat16",
              "transformers_version": "4.51.0",
              "use_cache": true,
              "use_sliding_window": false,
              "vocab_size": 96
            }
            """),
    ];
}
