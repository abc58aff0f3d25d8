using Exo.Benchmarks.Measurement;

namespace Exo.Benchmarks.Tests;

/// <summary>Medians, and quotients of paired rounds.</summary>
public sealed class SamplesTests
{
    [Theory]
    [InlineData(3, new double[] { 1, 9, 3 })]
    [InlineData(2.5, new double[] { 4, 1, 2, 3 })]
    [InlineData(7, new double[] { 7 })]
    public void The_median_is_the_middle_or_between_the_two_middle_ones(double expected, double[] values)
    {
        Samples samples = new(values);
        samples.Median.Should().Be(expected);
        samples.Low.Should().Be(values.Min());
        samples.High.Should().Be(values.Max());
    }

    [Fact]
    public void Quotients_are_taken_round_by_round()
    {
        // The second round met a slow machine: both sides halved. The quotient of medians would be 2.5.
        Samples quotient = new Samples(20, 10, 25) / new Samples(10, 5, 10);
        quotient.Median.Should().Be(2);
        quotient.High.Should().Be(2.5);
        (quotient * 3).Median.Should().Be(6);
    }
}
