namespace Exo.Sdk.Models;

/// <summary>Equal units that are divided among ranks, for example 32 query heads.</summary>
/// <param name="Unit">What is counted.</param>
/// <param name="Count">How many there are.</param>
public readonly record struct Division(SplitUnit Unit, int Count);
