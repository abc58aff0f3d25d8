using Exo.Sdk.Input;
using Exo.Sdk.Models.Families;

namespace Exo.Sdk.Models;

/// <summary>Reads a model folder's <c>config.json</c> as a <see cref="ModelSpec"/>. Stateless and thread-safe.</summary>
public static class ModelSpecReader
{
    /// <summary>A new family is one file in <c>Families</c> and a line here.</summary>
    private static readonly IModelFamily[] BuiltIn = [new Llama(), new Mistral(), new Qwen2(), new Qwen3()];

    /// <summary>The architectures that can be read, as models name them.</summary>
    public static IReadOnlyList<string> Architectures { get; } = [.. BuiltIn.Select(family => family.Architecture)];

    /// <summary>
    /// Reads <c>config.json</c> and, where there is one, <c>generation_config.json</c>, and checks the name, element type and shape of every
    /// weight against them.
    /// </summary>
    /// <param name="modelFolder">The folder.</param>
    /// <param name="weights">The folder's weights; only asked what is stored, nothing is read.</param>
    /// <param name="families">Families from outside, which come before the built-in ones of the same name; null for none.</param>
    /// <returns>The model in the field's terms.</returns>
    /// <exception cref="ModelFormatException">A file is missing or damaged, or a weight does not fit the configuration.</exception>
    /// <exception cref="UnsupportedModelException">The model needs something that this version cannot do.</exception>
    public static ModelSpec Read(string modelFolder, WeightSource weights, IReadOnlyList<IModelFamily>? families = null) =>
        Read(modelFolder, weights, families, out _);

    /// <summary>As <see cref="Read(string, WeightSource, IReadOnlyList{IModelFamily}?)"/>, and says which stored tensors nothing uses.</summary>
    internal static ModelSpec Read(
        string modelFolder, WeightSource weights, IReadOnlyList<IModelFamily>? families, out IReadOnlyList<string> unusedTensors)
    {
        ArgumentException.ThrowIfNullOrEmpty(modelFolder);
        ArgumentNullException.ThrowIfNull(weights);
        ConfigObject config = ConfigObject.ReadFile(Path.Combine(modelFolder, "config.json"));
        IModelFamily family = FamilyOf(config, [.. families ?? [], .. BuiltIn]);
        WeightCatalog catalog = new(weights, QuantizationConfig.Read(config));
        ModelSpec spec = family.Read(config, catalog);
        unusedTensors = catalog.Unused;
        (int? begin, IReadOnlyList<int> ends) = TokenConfig.Read(modelFolder, config, spec.VocabularySize);
        return spec with { Family = family.Name, Architecture = family.Architecture, BeginToken = begin, EndTokens = ends };
    }

    private static IModelFamily FamilyOf(ConfigObject config, IModelFamily[] families)
    {
        IReadOnlyList<string> architectures = config.OptionalTexts("architectures") ?? [];
        if (architectures.Count > 0)
        {
            return Array.Find(families, family => architectures.Contains(family.Architecture))
                ?? throw new UnsupportedModelException($"architecture {HostileText.Quote(architectures[0])}", Known());
        }

        string type = config.OptionalText("model_type")
            ?? throw config.Error("architectures", "a value is missing", "a list that names the architecture", "none");
        return Array.Find(families, family => family.Name == type)
            ?? throw new UnsupportedModelException($"model type {HostileText.Quote(type)}", Known());

        string[] Known() => [.. families.Select(family => family.Architecture)];
    }
}
