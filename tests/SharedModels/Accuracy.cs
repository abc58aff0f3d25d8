namespace Exo.Sdk.Tests.SharedModels;

/// <summary>How far numbers are from where they should be.</summary>
internal static class Accuracy
{
    /// <summary>‖a − b‖∞ / ‖b‖∞.</summary>
    public static double Error(ReadOnlySpan<float> actual, ReadOnlySpan<double> expected)
    {
        actual.Length.Should().Be(expected.Length);
        double difference = 0;
        double largest = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            double d = Math.Abs(actual[i] - expected[i]);
            difference = double.IsNaN(d) ? double.PositiveInfinity : Math.Max(difference, d);
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        return difference / largest;
    }
}
