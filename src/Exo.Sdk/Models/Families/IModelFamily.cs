using System.Diagnostics.CodeAnalysis;

namespace Exo.Sdk.Models.Families;

/// <summary>
/// A model family: how its <c>config.json</c> reads as a <see cref="ModelSpec"/>. Implementations keep no state. One from outside is
/// offered with <see cref="ClusterBuilder.OfferFamily"/> and, on nodes elsewhere, <see cref="NodeOptions.Families"/>.
/// </summary>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
public interface IModelFamily
{
    /// <summary>The family, as <c>model_type</c> spells it.</summary>
    string Name { get; }

    /// <summary>The architecture, as <c>architectures</c> spells it.</summary>
    string Architecture { get; }

    /// <summary>Reads the specification, apart from tokens and names, which are read alike for every family.</summary>
    /// <param name="config">The configuration; not to be trusted, every value is read within bounds.</param>
    /// <param name="weights">The weights that are stored; each is asked for once, with the shape it must have.</param>
    /// <returns>The specification.</returns>
    /// <exception cref="ModelFormatException">The configuration is damaged, or a weight does not fit it.</exception>
    /// <exception cref="UnsupportedModelException">The model needs something that this version cannot do.</exception>
    ModelSpec Read(ConfigObject config, WeightCatalog weights);
}
