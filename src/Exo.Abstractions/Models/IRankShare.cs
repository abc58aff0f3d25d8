namespace Exo.Sdk.Models;

/// <summary>A rank's share of what a model is divided by, as the declarations of layers and caches need to know it.</summary>
public interface IRankShare
{
    /// <summary>The rank's units of a division.</summary>
    /// <param name="division">What is divided.</param>
    /// <returns>The range of units; all of them where nothing is divided.</returns>
    IndexRange UnitsOf(Division division);
}
