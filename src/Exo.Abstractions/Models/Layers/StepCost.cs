namespace Exo.Sdk.Models;

/// <summary>A step of one sequence whose cost is asked for.</summary>
/// <param name="TokenCount">Tokens of the step.</param>
/// <param name="Position">Tokens before them.</param>
/// <param name="KeyValues">How keys and values are held.</param>
public readonly record struct CostedStep(int TokenCount, int Position, KeyValuePrecision KeyValues)
{
    /// <summary>How many positions all tokens of the step look at together, itself included each.</summary>
    /// <param name="window">How far back one may look, itself included; null for all.</param>
    /// <returns>The sum over the tokens.</returns>
    public long PositionsSeen(int? window)
    {
        long most = window ?? int.MaxValue;
        long growing = Math.Clamp(most - Position, 0, TokenCount);
        return (growing * Position) + (growing * (growing + 1) / 2) + ((TokenCount - growing) * most);
    }
}

/// <summary>What a step costs a rank: the bytes of weights and caches that it must read, and the operations, a multiply-add being two.</summary>
/// <param name="Bytes">Bytes read.</param>
/// <param name="Operations">Operations.</param>
public readonly record struct StepCost(long Bytes, long Operations)
{
    /// <summary>Both together.</summary>
    /// <param name="a">One.</param>
    /// <param name="b">The other.</param>
    /// <returns>The sums.</returns>
    public static StepCost operator +(StepCost a, StepCost b) => new(a.Bytes + b.Bytes, a.Operations + b.Operations);

    /// <summary>Both together.</summary>
    /// <param name="other">The other.</param>
    /// <returns>The sums.</returns>
    public StepCost Add(StepCost other) => this + other;
}
