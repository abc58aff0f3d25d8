namespace Exo.Sdk.Models;

/// <summary>The names of what models need of a backend. Other kinds of layers bring names of their own.</summary>
public static class ModelFeatures
{
    /// <summary><see cref="Models.GroupedQueryAttention"/>.</summary>
    public const string GroupedQueryAttention = "grouped-query attention";

    /// <summary>Queries and keys are normed per head.</summary>
    public const string QueryKeyNorm = "query and key norms";

    /// <summary><see cref="GroupedQueryAttention.SinksName"/>.</summary>
    public const string AttentionSinks = "attention sinks";

    /// <summary><see cref="GroupedQueryAttention.ScoreSoftcap"/>.</summary>
    public const string ScoreSoftcap = "a soft cap of attention scores";

    /// <summary><see cref="GroupedQueryAttention.OwnScale"/>.</summary>
    public const string AttentionScale = "a factor of its own on attention scores";

    /// <summary>Attention without position embedding.</summary>
    public const string NoRope = "attention without rope";

    /// <summary>Rope with its frequencies as they are.</summary>
    public const string Rope = "rope";

    /// <summary><see cref="LinearRopeScaling"/>.</summary>
    public const string LinearRope = "rope scaling linear";

    /// <summary><see cref="Llama3RopeScaling"/>.</summary>
    public const string Llama3Rope = "rope scaling llama3";

    /// <summary>A <see cref="Models.KeyValueCache"/> without a window.</summary>
    public const string KeyValueCache = "a cache of keys and values";

    /// <summary>A <see cref="Models.KeyValueCache"/> of a window.</summary>
    public const string WindowCache = "a cache of keys and values of a window";

    /// <summary><see cref="Models.LatentCache"/>.</summary>
    public const string LatentCache = "a cache of latents";

    /// <summary><see cref="Models.StateCache"/>.</summary>
    public const string StateCache = "a state of fixed size";

    /// <summary><see cref="Models.GatedFeedForward"/>.</summary>
    public const string GatedFeedForward = "gated feed-forward";

    /// <summary><see cref="Activation.Silu"/>.</summary>
    public const string Silu = "activation silu";

    /// <summary><see cref="Activation.Gelu"/>.</summary>
    public const string Gelu = "activation gelu";

    /// <summary><see cref="Activation.GeluTanh"/>.</summary>
    public const string GeluTanh = "activation gelu by tanh";

    /// <summary><see cref="NormForm.RootMeanSquare"/>.</summary>
    public const string RootMeanSquareNorm = "root-mean-square norm";

    /// <summary><see cref="NormForm.RootMeanSquareFromOne"/>.</summary>
    public const string RootMeanSquareNormFromOne = "root-mean-square norm with weights from one";

    /// <summary><see cref="NormForm.LayerNorm"/>.</summary>
    public const string LayerNorm = "layer norm";

    /// <summary><see cref="LayerPart.ResultNorm"/>.</summary>
    public const string ResultNorm = "a norm of a layer's result";

    /// <summary>The name of a norm's form.</summary>
    /// <param name="form">The form.</param>
    /// <returns>The name.</returns>
    public static string Of(NormForm form) => form switch
    {
        NormForm.RootMeanSquare => RootMeanSquareNorm,
        NormForm.RootMeanSquareFromOne => RootMeanSquareNormFromOne,
        NormForm.LayerNorm => LayerNorm,
        _ => $"norm {form}",
    };

    /// <summary>The name of an activation.</summary>
    /// <param name="activation">The activation.</param>
    /// <returns>The name.</returns>
    public static string Of(Activation activation) => activation switch
    {
        Activation.Silu => Silu,
        Activation.Gelu => Gelu,
        Activation.GeluTanh => GeluTanh,
        _ => $"activation {activation}",
    };
}
