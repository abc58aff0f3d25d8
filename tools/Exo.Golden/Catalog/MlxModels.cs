namespace Exo.Golden.Catalog;

/// <summary>
/// Models as mlx-lm converts them. Widths are chosen so that a cut at a kv-head group or at a channel group lies on a quantization
/// group: the first can be split over 1 to 4 ranks in any proportion.
/// </summary>
internal static class MlxModels
{
    public static IReadOnlyList<GoldenModel> All { get; } =
    [
        new("llama-mlx-4bit-g64", "4 bits by 64 with float16 scales, embedding and head included; each kv group is 64 wide, so 1 to 4 ranks", 11, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 32,
              "hidden_act": "silu",
              "hidden_size": 128,
              "initializer_range": 0.02,
              "intermediate_size": 256,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 4,
              "pretraining_tp": 1,
              "quantization": {
                "group_size": 64,
                "bits": 4,
                "mode": "affine"
              },
              "quantization_config": {
                "group_size": 64,
                "bits": 4,
                "mode": "affine"
              },
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "rope_theta": 10000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "float16",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 96
            }
            """),

        new("llama-mlx-8bit-g64", "8 bits by 64 with float32 scales, a vocabulary of 101 rows", 13, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 32,
              "hidden_act": "silu",
              "hidden_size": 64,
              "initializer_range": 0.02,
              "intermediate_size": 192,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "pretraining_tp": 1,
              "quantization": {
                "group_size": 64,
                "bits": 8,
                "mode": "affine"
              },
              "quantization_config": {
                "group_size": 64,
                "bits": 8,
                "mode": "affine"
              },
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "rope_theta": 10000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 101
            }
            """),

        new("llama-mlx-mixed", "overrides by path: 8 bits by 32, 8 bits by 64, and false, which leaves a projection in bfloat16", 16, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 32,
              "hidden_act": "silu",
              "hidden_size": 64,
              "initializer_range": 0.02,
              "intermediate_size": 128,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "pretraining_tp": 1,
              "quantization": {
                "group_size": 64,
                "bits": 4,
                "mode": "affine",
                "model.layers.0.mlp.down_proj": {
                  "group_size": 32,
                  "bits": 8,
                  "mode": "affine"
                },
                "model.layers.1.self_attn.v_proj": false,
                "lm_head": {
                  "group_size": 64,
                  "bits": 8
                }
              },
              "quantization_config": {
                "group_size": 64,
                "bits": 4,
                "mode": "affine",
                "model.layers.0.mlp.down_proj": {
                  "group_size": 32,
                  "bits": 8,
                  "mode": "affine"
                },
                "model.layers.1.self_attn.v_proj": false,
                "lm_head": {
                  "group_size": 64,
                  "bits": 8
                }
              },
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "rope_theta": 10000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "bfloat16",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 96
            }
            """),

        new("mistral-mlx-4bit-g128", "4 bits by 128 with float16 scales, kv groups of 128, a window, no 'mode' in the config", 20, """
            {
              "architectures": [
                "MistralForCausalLM"
              ],
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 64,
              "hidden_act": "silu",
              "hidden_size": 128,
              "initializer_range": 0.02,
              "intermediate_size": 256,
              "max_position_embeddings": 512,
              "model_type": "mistral",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "quantization": {
                "group_size": 128,
                "bits": 4
              },
              "quantization_config": {
                "group_size": 128,
                "bits": 4
              },
              "rms_norm_eps": 1e-05,
              "rope_theta": 10000.0,
              "sliding_window": 24,
              "tie_word_embeddings": false,
              "torch_dtype": "float16",
              "transformers_version": "4.43.0",
              "use_cache": true,
              "vocab_size": 64
            }
            """),

        new("qwen2-mlx-4bit-g32", "4 bits by 32 with bfloat16 scales, tied quantized embedding, '.bias' beside '.biases', ffn of five groups", 15, """
            {
              "architectures": [
                "Qwen2ForCausalLM"
              ],
              "attention_dropout": 0.0,
              "bos_token_id": 94,
              "eos_token_id": 95,
              "hidden_act": "silu",
              "hidden_size": 64,
              "initializer_range": 0.02,
              "intermediate_size": 160,
              "max_position_embeddings": 512,
              "max_window_layers": 2,
              "model_type": "qwen2",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "quantization": {
                "group_size": 32,
                "bits": 4,
                "mode": "affine"
              },
              "quantization_config": {
                "group_size": 32,
                "bits": 4,
                "mode": "affine"
              },
              "rms_norm_eps": 1e-06,
              "rope_theta": 1000000.0,
              "sliding_window": 512,
              "tie_word_embeddings": true,
              "torch_dtype": "bfloat16",
              "transformers_version": "4.43.1",
              "use_cache": true,
              "use_mrope": false,
              "use_sliding_window": false,
              "vocab_size": 96
            }
            """),

        new("qwen3-mlx-8bit-g32", "8 bits by 32 with bfloat16 scales, q and k norms left unquantized, untied quantized head", 12, """
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
              "hidden_size": 64,
              "initializer_range": 0.02,
              "intermediate_size": 96,
              "max_position_embeddings": 512,
              "max_window_layers": 2,
              "model_type": "qwen3",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 4,
              "quantization": {
                "group_size": 32,
                "bits": 8,
                "mode": "affine"
              },
              "quantization_config": {
                "group_size": 32,
                "bits": 8,
                "mode": "affine"
              },
              "rms_norm_eps": 1e-06,
              "rope_scaling": null,
              "rope_theta": 1000000,
              "sliding_window": null,
              "tie_word_embeddings": false,
              "torch_dtype": "bfloat16",
              "transformers_version": "4.51.0",
              "use_cache": true,
              "use_sliding_window": false,
              "vocab_size": 96
            }
            """),
    ];
}
