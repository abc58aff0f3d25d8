namespace Exo.Sdk.Tests.Golden;

/// <summary>How far logits are from those they should be.</summary>
internal static class LogitError
{
    /// <summary>The largest difference in any row, divided by the row's largest magnitude. NaN counts as infinite.</summary>
    public static double Largest(float[][] actual, float[][] expected)
    {
        actual.Should().HaveSameCount(expected);
        double largest = 0;
        for (int row = 0; row < expected.Length; row++)
        {
            actual[row].Should().HaveCount(expected[row].Length);
            double magnitude = expected[row].Max(MathF.Abs);
            for (int i = 0; i < expected[row].Length; i++)
            {
                double error = Math.Abs((double)actual[row][i] - expected[row][i]) / magnitude;
                largest = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(largest, error);
            }
        }

        return largest;
    }
}
