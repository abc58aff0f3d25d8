namespace Exo.Sdk.Models;

/// <summary>
/// A matrix <c>[OutputSize, InputSize]</c> of the model (y = W·x + b, or a table of embeddings), where it is stored and how it is divided.
/// </summary>
public sealed record LinearSpec
{
    /// <summary>The stored name without its last part, for example <c>model.layers.0.self_attn.q_proj</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The length of x.</summary>
    public required int InputSize { get; init; }

    /// <summary>The length of y.</summary>
    public required int OutputSize { get; init; }

    /// <summary>How it is divided among ranks.</summary>
    public required SplitRule Split { get; init; }

    /// <summary>Whether a bias <c>[OutputSize]</c> is stored.</summary>
    public bool HasBias { get; init; }

    /// <summary>How the weight is packed, or null where it is stored as plain numbers.</summary>
    public QuantizationSpec? Quantization { get; init; }

    /// <summary>
    /// The element type that its numbers are stored in: the weight's where it is plain, the scales' and group biases' where it is affine
    /// quantized. Where a group has a scale byte alone, the type of its bias, or of the model's other numbers where it has none.
    /// </summary>
    public ElementType StoredType { get; init; } = ElementType.Float32;

    /// <summary>The weight: <c>[out, in]</c> numbers, or packed words <c>[out, in·bits/32]</c>.</summary>
    public string WeightName => Path + ".weight";

    /// <summary>The bias <c>[out]</c>.</summary>
    public string BiasName => Path + ".bias";

    /// <summary>The scales <c>[out, in/group]</c> of a quantized weight: numbers where it is affine, else bytes.</summary>
    public string ScalesName => Path + ".scales";

    /// <summary>The per-group biases <c>[out, in/group]</c> of an affine quantized weight.</summary>
    public string GroupBiasesName => Path + ".biases";
}
