namespace Exo.Golden.Catalog;

/// <summary>One random model of the catalog: everything about it but its numbers, which follow from its name and the seed.</summary>
/// <param name="Name">Folder name.</param>
/// <param name="Covers">What a loader or a forward pass must get right here and nowhere else in the catalog.</param>
/// <param name="PromptLength">Tokens in the prompt.</param>
/// <param name="Config">The text of <c>config.json</c>.</param>
internal sealed record GoldenModel(string Name, string Covers, int PromptLength, string Config)
{
    /// <summary>Number of weight files; more than one brings an index.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>Also stores <c>rotary_emb.inv_freq</c> in every layer, as checkpoints of 2023 do: no weight of the model, to be ignored.</summary>
    public bool StoresInverseFrequencies { get; init; }

    /// <summary>All models, in the order of the README's table.</summary>
    public static IReadOnlyList<GoldenModel> All { get; } = [.. LlamaModels.All, .. MistralModels.All, .. QwenModels.All, .. MlxModels.All];
}
