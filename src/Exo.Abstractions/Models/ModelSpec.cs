namespace Exo.Sdk.Models;

/// <summary>
/// Everything the planner, the loader and the backends need to know of a decoder-only transformer, in the field's terms.
/// A model family is one function from <c>config.json</c> to this.
/// </summary>
public sealed record ModelSpec
{
    /// <summary>The family, for example <c>llama</c> or <c>qwen3</c>.</summary>
    public required string Family { get; init; }

    /// <summary>The architecture as the model names it, for example <c>LlamaForCausalLM</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The length of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>The number of vocabulary entries.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The longest context the model was made for, in tokens.</summary>
    public required int MaxContextLength { get; init; }

    /// <summary>The table of token embeddings <c>[vocabulary, hidden]</c>, divided by vocabulary entries.</summary>
    public required LinearSpec Embedding { get; init; }

    /// <summary>The layers, first to last.</summary>
    public required IReadOnlyList<LayerSpec> Layers { get; init; }

    /// <summary>The norm before the head.</summary>
    public required NormSpec FinalNorm { get; init; }

    /// <summary>The projection to logits <c>[vocabulary, hidden]</c>; the embedding itself where the two are tied.</summary>
    public required LinearSpec Head { get; init; }

    /// <summary>The token a text begins with, where the model's configuration names one.</summary>
    public int? BeginToken { get; init; }

    /// <summary>The tokens that end a generation.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>All matrices, each once: the embedding, those of the layers, and the head where it is one of its own.</summary>
    public IEnumerable<LinearSpec> Linears
    {
        get
        {
            IEnumerable<LinearSpec> linears = Layers.SelectMany(static layer => layer.Linears).Prepend(Embedding);
            return IsHeadTied ? linears : linears.Append(Head);
        }
    }

    /// <summary>All norms.</summary>
    public IEnumerable<NormSpec> Norms => Layers.SelectMany(static layer => layer.Norms).Append(FinalNorm);

    /// <summary>How many of a unit the model is divided by: every layer that is divided by it has equally many.</summary>
    /// <param name="unit">What is counted.</param>
    /// <returns>The number; 0 where nothing is divided by it.</returns>
    /// <exception cref="PlanRefusedException">Layers have different numbers, and a rank holds the same part of each.</exception>
    public int CountOf(SplitUnit unit)
    {
        if (unit == SplitUnit.Token)
        {
            return VocabularySize;
        }

        int[] counts = [.. Layers.SelectMany(static layer => layer.Parts).SelectMany(static part => part.Divisions)
            .Where(division => division.Unit == unit).Select(static division => division.Count).Distinct()];
        return counts.Length <= 1
            ? counts.FirstOrDefault()
            : throw new PlanRefusedException(
                [$"layers differ in their number of units of kind {unit}: {string.Join(", ", counts)}; all ranks hold the same part of every layer"]);
    }

    /// <summary>Whether the head reuses the embedding table.</summary>
    public bool IsHeadTied => Head.Path == Embedding.Path;
}
