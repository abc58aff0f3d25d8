using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Exo.TinyModel.Trainer.Model;

/// <summary>
/// A Llama decoder in float32: pre-norm with RMSNorm, rotary positions on split halves, grouped-query attention, SwiGLU, tied head.
/// Weights are kept by their Hugging Face names.
/// </summary>
internal sealed class LlamaModel
{
    private sealed record Layer(Tensor InputNorm, Tensor Q, Tensor K, Tensor V, Tensor O, Tensor MlpNorm, Tensor Gate, Tensor Up, Tensor Down);

    private readonly Layer[] _layers;
    private readonly Tensor _embedding;
    private readonly Tensor _finalNorm;
    private readonly Tensor _cos;
    private readonly Tensor _sin;
    private readonly Tensor _epsilon; // A tensor: a number would become a native scalar that the garbage collector may free during the call.

    private LlamaModel(Shape shape, Dictionary<string, Tensor> weights)
    {
        Shape = shape;
        Weights = weights;
        _embedding = weights["model.embed_tokens.weight"];
        _finalNorm = weights["model.norm.weight"];
        _layers = [.. Enumerable.Range(0, shape.Layers).Select(i =>
        {
            Tensor Of(string name) => weights[$"model.layers.{i}.{name}.weight"];
            return new Layer(
                Of("input_layernorm"), Of("self_attn.q_proj"), Of("self_attn.k_proj"), Of("self_attn.v_proj"), Of("self_attn.o_proj"),
                Of("post_attention_layernorm"), Of("mlp.gate_proj"), Of("mlp.up_proj"), Of("mlp.down_proj"));
        })];
        using var scope = NewDisposeScope();
        var frequencies = pow((float)shape.RopeTheta, -arange(0, shape.HeadSize, 2).to_type(ScalarType.Float32) / shape.HeadSize);
        var angles = outer(arange(0, shape.MaxPositions).to_type(ScalarType.Float32), frequencies);
        angles = cat([angles, angles], 1);
        _epsilon = tensor((float)shape.NormEpsilon).DetachFromDisposeScope();
        _cos = angles.cos().DetachFromDisposeScope();
        _sin = angles.sin().DetachFromDisposeScope();
    }

    public Shape Shape { get; }

    public IReadOnlyDictionary<string, Tensor> Weights { get; }

    /// <summary>Weight names in the order of the forward pass, with their shapes.</summary>
    public static IEnumerable<(string Name, long[] Shape)> WeightShapes(Shape shape)
    {
        yield return ("model.embed_tokens.weight", [shape.VocabularySize, shape.HiddenSize]);
        for (var i = 0; i < shape.Layers; i++)
        {
            var layer = $"model.layers.{i}";
            yield return ($"{layer}.input_layernorm.weight", [shape.HiddenSize]);
            yield return ($"{layer}.self_attn.q_proj.weight", [shape.Heads * shape.HeadSize, shape.HiddenSize]);
            yield return ($"{layer}.self_attn.k_proj.weight", [shape.KeyValueHeads * shape.HeadSize, shape.HiddenSize]);
            yield return ($"{layer}.self_attn.v_proj.weight", [shape.KeyValueHeads * shape.HeadSize, shape.HiddenSize]);
            yield return ($"{layer}.self_attn.o_proj.weight", [shape.HiddenSize, shape.Heads * shape.HeadSize]);
            yield return ($"{layer}.post_attention_layernorm.weight", [shape.HiddenSize]);
            yield return ($"{layer}.mlp.gate_proj.weight", [shape.IntermediateSize, shape.HiddenSize]);
            yield return ($"{layer}.mlp.up_proj.weight", [shape.IntermediateSize, shape.HiddenSize]);
            yield return ($"{layer}.mlp.down_proj.weight", [shape.HiddenSize, shape.IntermediateSize]);
        }
        yield return ("model.norm.weight", [shape.HiddenSize]);
    }

    /// <summary>A model to train. What is added to the residual stream starts at zero, so that depth costs nothing at first.</summary>
    public static LlamaModel Initialize(Shape shape, long seed)
    {
        random.manual_seed(seed);
        return new(shape, WeightShapes(shape).ToDictionary(entry => entry.Name, entry =>
        {
            var (name, size) = entry;
            using var scope = NewDisposeScope();
            var weight = size.Length == 1 ? ones(size)
                : name.Contains("o_proj", StringComparison.Ordinal) || name.Contains("down_proj", StringComparison.Ordinal) ? zeros(size)
                : randn(size) * (name.Contains("embed", StringComparison.Ordinal) ? 0.02 : 0.7 / Math.Sqrt(size[1]));
            weight = weight.detach();
            weight.requires_grad_(true);
            return weight.MoveToOuterDisposeScope();
        }));
    }

    /// <summary>A model with given weights, for evaluation.</summary>
    public static LlamaModel FromWeights(Shape shape, IReadOnlyDictionary<string, float[]> weights) =>
        new(shape, WeightShapes(shape).ToDictionary(entry => entry.Name, entry => tensor(weights[entry.Name], entry.Shape).DetachFromDisposeScope()));

    /// <summary>The hidden states after the last norm.</summary>
    /// <param name="ids">Token ids, [batch, length].</param>
    /// <param name="mask">True where a position (third axis) may look at another (fourth), [batch, 1, length, length]; null for plain causal attention.</param>
    public Tensor Hidden(Tensor ids, Tensor? mask)
    {
        var (batch, length) = (ids.shape[0], ids.shape[1]);
        var cos = _cos.slice(0, 0, length, 1);
        var sin = _sin.slice(0, 0, length, 1);
        var x = _embedding.index_select(0, ids.view(-1)).view(batch, length, Shape.HiddenSize);
        foreach (var layer in _layers)
        {
            var h = Norm(x, layer.InputNorm);
            var q = Rotate(SplitHeads(F.linear(h, layer.Q), Shape.Heads), cos, sin);
            var k = Rotate(SplitHeads(F.linear(h, layer.K), Shape.KeyValueHeads), cos, sin);
            var v = SplitHeads(F.linear(h, layer.V), Shape.KeyValueHeads);
            var group = Shape.Heads / Shape.KeyValueHeads;
            k = k.repeat_interleave(group, 1);
            v = v.repeat_interleave(group, 1);
            var attended = mask is null ? F.scaled_dot_product_attention(q, k, v, is_casual: true) : F.scaled_dot_product_attention(q, k, v, attn_mask: mask);
            x = x + F.linear(attended.transpose(1, 2).reshape(batch, length, Shape.Heads * Shape.HeadSize), layer.O);
            h = Norm(x, layer.MlpNorm);
            x = x + F.linear(F.silu(F.linear(h, layer.Gate)) * F.linear(h, layer.Up), layer.Down);
        }
        return Norm(x, _finalNorm);
    }

    /// <summary>Scores of every token of the vocabulary.</summary>
    public Tensor Logits(Tensor hidden) => F.linear(hidden, _embedding);

    private Tensor SplitHeads(Tensor x, int heads) => x.view(x.shape[0], x.shape[1], heads, Shape.HeadSize).transpose(1, 2);

    private Tensor Norm(Tensor x, Tensor weight) => x * rsqrt((x * x).mean([-1], true) + _epsilon) * weight;

    private Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var half = Shape.HeadSize / 2;
        var turned = cat([-x.slice(-1, half, Shape.HeadSize, 1), x.slice(-1, 0, half, 1)], -1);
        return (x * cos) + (turned * sin);
    }
}
