namespace Exo.Golden.Catalog;

internal static class LlamaModels
{
    public static IReadOnlyList<GoldenModel> All { get; } =
    [
        new("llama-f32-sharded", "grouped queries (8 over 4), untied head, head_dim · heads ≠ hidden, three weight files with an index", 11, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 8,
              "hidden_act": "silu",
              "hidden_size": 40,
              "initializer_range": 0.02,
              "intermediate_size": 72,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 4,
              "pretraining_tp": 1,
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "rope_theta": 10000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 96
            }
            """) { Shards = 3 },

        new("llama-f32-llama3-rope", "llama3 rope scaling with channels in all three of its regions, tied head, several end tokens, a large ε", 23, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 70,
              "eos_token_id": [
                71,
                78,
                79
              ],
              "head_dim": 16,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 64,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 4,
              "num_hidden_layers": 3,
              "num_key_value_heads": 2,
              "pretraining_tp": 1,
              "rms_norm_eps": 0.001,
              "rope_scaling": {
                "factor": 8.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 64,
                "rope_type": "llama3"
              },
              "rope_theta": 5000.0,
              "tie_word_embeddings": true,
              "torch_dtype": "float32",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 80
            }
            """),

        new("llama-f32-odd-sizes", "vocabulary 101, ffn 77, 6 heads over 3: nothing divides evenly", 13, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 8,
              "hidden_act": "silu",
              "hidden_size": 40,
              "initializer_range": 0.02,
              "intermediate_size": 77,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 6,
              "num_hidden_layers": 2,
              "num_key_value_heads": 3,
              "pretraining_tp": 1,
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

        new("llama-f32-mha", "a config of early 2023: no num_key_value_heads, head_dim, rope_theta or bias fields, all to be defaulted", 7, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "bos_token_id": 1,
              "eos_token_id": 2,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 64,
              "max_position_embeddings": 512,
              "model_type": "llama",
              "num_attention_heads": 4,
              "num_hidden_layers": 2,
              "pad_token_id": 0,
              "rms_norm_eps": 1e-06,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.28.1",
              "use_cache": true,
              "vocab_size": 64
            }
            """),

        new("llama-f32-mqa-linear-rope", "one kv head for 8 query heads, linear rope scaling under its older key 'type'", 9, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "hidden_act": "silu",
              "hidden_size": 64,
              "initializer_range": 0.02,
              "intermediate_size": 48,
              "max_position_embeddings": 512,
              "model_type": "llama",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 1,
              "pretraining_tp": 1,
              "rms_norm_eps": 1e-05,
              "rope_scaling": {
                "factor": 4.0,
                "type": "linear"
              },
              "rope_theta": 10000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.36.0",
              "use_cache": true,
              "vocab_size": 72
            }
            """),

        new("llama-f32-biases", "attention_bias (q, k, v and o) and mlp_bias (gate, up and down): the row-parallel biases count once, whatever the number of ranks", 15, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": true,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 8,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 72,
              "max_position_embeddings": 512,
              "mlp_bias": true,
              "model_type": "llama",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 4,
              "pretraining_tp": 1,
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "rope_theta": 10000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "float32",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 72
            }
            """),

        new("llama-bf16", "bfloat16 weights, untied head", 17, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "eos_token_id": 2,
              "head_dim": 8,
              "hidden_act": "silu",
              "hidden_size": 48,
              "initializer_range": 0.02,
              "intermediate_size": 112,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 8,
              "num_hidden_layers": 2,
              "num_key_value_heads": 4,
              "pretraining_tp": 1,
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "rope_theta": 500000.0,
              "tie_word_embeddings": false,
              "torch_dtype": "bfloat16",
              "transformers_version": "4.45.2",
              "use_cache": true,
              "vocab_size": 112
            }
            """),

        new("llama-bf16-rope-parameters", "the config of transformers 5: rope_parameters and dtype instead of rope_theta, rope_scaling and torch_dtype", 12, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "bos_token_id": 1,
              "dtype": "bfloat16",
              "eos_token_id": 2,
              "head_dim": 16,
              "hidden_act": "silu",
              "hidden_size": 32,
              "initializer_range": 0.02,
              "intermediate_size": 64,
              "max_position_embeddings": 512,
              "mlp_bias": false,
              "model_type": "llama",
              "num_attention_heads": 2,
              "num_hidden_layers": 2,
              "num_key_value_heads": 2,
              "pretraining_tp": 1,
              "rms_norm_eps": 0.001,
              "rope_parameters": {
                "factor": 32.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 128,
                "rope_theta": 500.0,
                "rope_type": "llama3"
              },
              "tie_word_embeddings": true,
              "transformers_version": "5.0.0",
              "use_cache": true,
              "vocab_size": 64
            }
            """),

        new("llama-f16-inv-freq", "float16 weights, multi-head, and rotary_emb.inv_freq tensors that are no weights", 8, """
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "bos_token_id": 1,
              "eos_token_id": 2,
              "hidden_act": "silu",
              "hidden_size": 48,
              "initializer_range": 0.02,
              "intermediate_size": 80,
              "max_position_embeddings": 512,
              "model_type": "llama",
              "num_attention_heads": 6,
              "num_hidden_layers": 2,
              "num_key_value_heads": 6,
              "pretraining_tp": 1,
              "rms_norm_eps": 1e-05,
              "rope_scaling": null,
              "tie_word_embeddings": false,
              "torch_dtype": "float16",
              "transformers_version": "4.31.0",
              "use_cache": true,
              "vocab_size": 96
            }
            """) { StoresInverseFrequencies = true },
    ];
}
