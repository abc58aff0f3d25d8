using Exo.Sdk.Models;

namespace Exo.Sdk.Planning;

/// <summary>Which part of every layer one rank holds.</summary>
public sealed record ShardAssignment : IRankShare
{
    /// <summary>The rank, counted from 0.</summary>
    public required int Rank { get; init; }

    /// <summary>The number of ranks.</summary>
    public required int WorldSize { get; init; }

    /// <summary>The query heads. They cover the same number of query heads for each held key-value head.</summary>
    public required IndexRange QueryHeads { get; init; }

    /// <summary>
    /// The key-value heads. Ranges of different ranks are disjoint, unless there are more ranks than key-value heads:
    /// then a rank holds one key-value head that others hold as well, with its own part of that head's query heads.
    /// </summary>
    public required IndexRange KeyValueHeads { get; init; }

    /// <summary>The channels of the feed-forward block.</summary>
    public required IndexRange Channels { get; init; }

    /// <summary>The vocabulary entries of embedding and head.</summary>
    public required IndexRange Tokens { get; init; }

    /// <summary>The part of a weight's divided side, in rows or columns.</summary>
    /// <param name="rule">The weight's split rule.</param>
    /// <param name="sideLength">The whole side's length, the answer for a replicated weight.</param>
    /// <returns>The range of rows (column-parallel) or columns (row-parallel).</returns>
    public IndexRange RangeOf(SplitRule rule, int sideLength) =>
        rule.Unit == SplitUnit.None
            ? IndexRange.All(sideLength)
            : UnitsOf(new Division(rule.Unit, sideLength / Math.Max(1, rule.UnitWidth))).Times(rule.UnitWidth);

    /// <inheritdoc/>
    public IndexRange UnitsOf(Division division) => division.Unit switch
    {
        SplitUnit.None => IndexRange.All(division.Count),
        SplitUnit.QueryHead => QueryHeads,
        SplitUnit.KeyValueHead => KeyValueHeads,
        SplitUnit.Channel => Channels,
        SplitUnit.Token => Tokens,
        _ => throw new ArgumentOutOfRangeException(nameof(division)),
    };

    /// <summary>The outputs of a matrix that this rank computes.</summary>
    /// <param name="linear">The matrix.</param>
    /// <returns>Rows of the stored matrix.</returns>
    public IndexRange OutputsOf(LinearSpec linear) => linear.Split.Axis == SplitAxis.Column
        ? RangeOf(linear.Split, linear.OutputSize)
        : IndexRange.All(linear.OutputSize);

    /// <summary>The inputs of a matrix that this rank uses.</summary>
    /// <param name="linear">The matrix.</param>
    /// <returns>Columns of the stored matrix, counted in unpacked values.</returns>
    public IndexRange InputsOf(LinearSpec linear) => linear.Split.Axis == SplitAxis.Row
        ? RangeOf(linear.Split, linear.InputSize)
        : IndexRange.All(linear.InputSize);
}
