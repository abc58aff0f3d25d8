namespace Exo.Sdk.Models;

/// <summary>Which side of a weight <c>[outputs, inputs]</c> is divided among ranks.</summary>
public enum SplitAxis
{
    /// <summary>Every rank holds all of it.</summary>
    Replicated,

    /// <summary>Column-parallel: each rank holds some outputs (rows of the stored matrix), and of a bias the same part.</summary>
    Column,

    /// <summary>Row-parallel: each rank holds some inputs; the ranks' results are summed, the bias is added once.</summary>
    Row,
}

/// <summary>What is counted when a side is divided.</summary>
public enum SplitUnit
{
    /// <summary>Nothing: the weight is replicated.</summary>
    None,

    /// <summary>Query heads.</summary>
    QueryHead,

    /// <summary>Key-value heads.</summary>
    KeyValueHead,

    /// <summary>Channels of the feed-forward block.</summary>
    Channel,

    /// <summary>Vocabulary entries.</summary>
    Token,
}

/// <summary>How a weight is divided among ranks.</summary>
/// <param name="Axis">Which side.</param>
/// <param name="Unit">What is counted.</param>
/// <param name="UnitWidth">How many rows or columns one unit takes, for example the head size.</param>
public readonly record struct SplitRule(SplitAxis Axis, SplitUnit Unit, int UnitWidth)
{
    /// <summary>Every rank holds all of it.</summary>
    public static SplitRule Replicated => default;

    /// <summary>Column-parallel by <paramref name="unit"/>.</summary>
    /// <param name="unit">What is counted.</param>
    /// <param name="unitWidth">Rows per unit.</param>
    /// <returns>The rule.</returns>
    public static SplitRule Column(SplitUnit unit, int unitWidth = 1) => new(SplitAxis.Column, unit, unitWidth);

    /// <summary>Row-parallel by <paramref name="unit"/>.</summary>
    /// <param name="unit">What is counted.</param>
    /// <param name="unitWidth">Columns per unit.</param>
    /// <returns>The rule.</returns>
    public static SplitRule Row(SplitUnit unit, int unitWidth = 1) => new(SplitAxis.Row, unit, unitWidth);
}
