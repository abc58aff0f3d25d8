using static TorchSharp.torch;

namespace Exo.Golden.Reference;

/// <summary>
/// The decoder-only transformer of Llama, Mistral, Qwen2 and Qwen3 as plainly as the papers state it: every call computes the
/// whole sequence from its tokens, without a cache. Not thread-safe.
/// </summary>
internal sealed class Decoder : IDisposable
{
    private readonly ModelConfig _config;
    private readonly WeightSet _weights;
    private readonly Tensor _frequencies;

    public Decoder(string folder)
        : this(ModelConfig.Parse(File.ReadAllText(Path.Combine(folder, "config.json"))), folder)
    {
    }

    /// <param name="config">Read in place of the folder's own.</param>
    /// <param name="folder">Where the weights are.</param>
    /// <param name="arithmetic">Type in which weights are held and everything but the rope angles is computed.</param>
    public Decoder(ModelConfig config, string folder, ScalarType arithmetic = ScalarType.Float64)
    {
        _config = config;
        _weights = new WeightSet(folder, config, arithmetic);
        _frequencies = tensor(config.Rope.Frequencies(config.HeadDimension), float64);
    }

    public ModelConfig Config => _config;

    /// <summary>Logits [vocabulary] that follow the last of the tokens.</summary>
    public double[] NextLogits(IReadOnlyList<int> tokens)
    {
        using var scope = NewDisposeScope();
        using var inference = no_grad();

        var ids = tensor(tokens.Select(t => (long)t).ToArray(), int64);
        var x = _weights["model.embed_tokens.weight"].index_select(0, ids);
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string path = $"model.layers.{layer}";
            x = x + Attention(path + ".self_attn", RmsNorm(x, path + ".input_layernorm"));
            x = x + Mlp(path + ".mlp", RmsNorm(x, path + ".post_attention_layernorm"));
        }

        var last = RmsNorm(x, "model.norm")[-1];
        var head = _weights[_config.TiedHead ? "model.embed_tokens.weight" : "lm_head.weight"];
        return head.mv(last).to(float64).data<double>().ToArray();
    }

    public void Dispose()
    {
        _weights.Dispose();
        _frequencies.Dispose();
    }

    /// <summary>Causal grouped-query attention (Ainslie et al.): x [positions, hidden] → [positions, hidden].</summary>
    private Tensor Attention(string path, Tensor x)
    {
        long positions = x.shape[0];
        var q = Heads(Linear(path + ".q_proj", x, _config.QueryKeyValueBias), _config.Heads);
        var k = Heads(Linear(path + ".k_proj", x, _config.QueryKeyValueBias), _config.KeyValueHeads);
        var v = Heads(Linear(path + ".v_proj", x, _config.QueryKeyValueBias), _config.KeyValueHeads);
        if (_config.QueryKeyNorm)
        {
            q = RmsNorm(q, path + ".q_norm");
            k = RmsNorm(k, path + ".k_norm");
        }

        int sharing = _config.Heads / _config.KeyValueHeads;
        q = Rotate(q);
        k = Rotate(k).repeat_interleave(sharing, dim: 0);
        v = v.repeat_interleave(sharing, dim: 0);

        var scores = q.matmul(k.transpose(-2, -1)) / Math.Sqrt(_config.HeadDimension);
        var weights = nn.functional.softmax(scores.masked_fill(Hidden(positions), double.NegativeInfinity), dim: -1);
        var mixed = weights.matmul(v).transpose(0, 1).reshape(positions, _config.Heads * _config.HeadDimension);
        return Linear(path + ".o_proj", mixed, _config.OutputBias);
    }

    /// <summary>SwiGLU (Shazeer): W_down(silu(W_gate x) ⊙ W_up x).</summary>
    private Tensor Mlp(string path, Tensor x)
    {
        var gate = Linear(path + ".gate_proj", x, _config.MlpBias);
        var up = Linear(path + ".up_proj", x, _config.MlpBias);
        return Linear(path + ".down_proj", gate * gate.sigmoid() * up, _config.MlpBias);
    }

    /// <summary>x · w / sqrt(mean(x²) + ε) over the last axis (Zhang and Sennrich).</summary>
    private Tensor RmsNorm(Tensor x, string path) =>
        x / (x.square().mean([-1], keepdim: true) + _config.NormEpsilon).sqrt() * _weights[path + ".weight"];

    private Tensor Linear(string path, Tensor x, bool bias)
    {
        var y = x.matmul(_weights[path + ".weight"].t());
        return bias ? y + _weights[path + ".bias"] : y;
    }

    /// <summary>[positions, heads · d] → [heads, positions, d].</summary>
    private static Tensor Heads(Tensor x, int heads) => x.reshape(x.shape[0], heads, -1).transpose(0, 1);

    /// <summary>
    /// Rotates the pair (i, i + d/2) of every head by position · frequency_i: the layout of Hugging Face checkpoints, whose q and k
    /// rows are permuted so that halves stand where the paper has neighbors.
    /// </summary>
    private Tensor Rotate(Tensor x)
    {
        var angles = arange(x.shape[1], float64).unsqueeze(-1) * _frequencies;
        var (cos, sin) = (angles.cos().to(x.dtype), angles.sin().to(x.dtype));
        var halves = x.chunk(2, dim: -1);
        return cat([(halves[0] * cos) - (halves[1] * sin), (halves[1] * cos) + (halves[0] * sin)], dim: -1);
    }

    /// <summary>True where the query (row) must not see the key (column): the future, and what the window has left behind.</summary>
    private Tensor Hidden(long positions)
    {
        var query = arange(positions, int64).unsqueeze(-1);
        var key = arange(positions, int64);
        var hidden = key > query;
        return _config.SlidingWindow is int window ? hidden | (key <= query - window) : hidden;
    }
}
