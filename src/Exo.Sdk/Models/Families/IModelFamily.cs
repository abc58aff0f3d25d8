namespace Exo.Sdk.Models.Families;

/// <summary>A model family: how its <c>config.json</c> reads as a <see cref="ModelSpec"/>.</summary>
internal interface IModelFamily
{
    /// <summary>The family, as <c>model_type</c> spells it.</summary>
    string Name { get; }

    /// <summary>The architecture, as <c>architectures</c> spells it.</summary>
    string Architecture { get; }

    /// <summary>Reads the specification, apart from tokens and names, which are read alike for every family.</summary>
    ModelSpec Read(ConfigObject config, WeightCatalog weights);
}
