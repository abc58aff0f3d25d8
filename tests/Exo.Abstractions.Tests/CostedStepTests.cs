using Exo.Sdk;
using Exo.Sdk.Models;

namespace Exo.Abstractions.Tests;

public sealed class CostedStepTests
{
    [Theory]
    [InlineData(1, 0, null)]
    [InlineData(1, 41, null)]
    [InlineData(7, 0, 3)]
    [InlineData(7, 2, 5)]
    [InlineData(7, 5, 5)]
    [InlineData(7, 40, 5)]
    [InlineData(9, 3, 1)]
    [InlineData(5, 3, int.MaxValue)]
    public void Positions_are_counted_as_one_would_one_by_one(int tokens, int position, int? window)
    {
        long counted = Enumerable.Range(position, tokens).Sum(p => (long)Math.Min(p + 1, window ?? int.MaxValue));

        new CostedStep(tokens, position, KeyValuePrecision.Float32).PositionsSeen(window).Should().Be(counted);
    }
}
