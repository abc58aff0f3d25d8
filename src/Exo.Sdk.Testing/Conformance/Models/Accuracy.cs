namespace Exo.Sdk.Testing.Conformance;

/// <summary>How far numbers are from where they should be.</summary>
public static class Accuracy
{
    /// <summary>‖a − b‖∞ / ‖b‖∞.</summary>
    /// <param name="actual">a.</param>
    /// <param name="expected">b, as long as a.</param>
    /// <returns>The error; infinite where a is not a number.</returns>
    public static double Error(ReadOnlySpan<float> actual, ReadOnlySpan<double> expected)
    {
        if (actual.Length != expected.Length)
        {
            throw new ArgumentException($"{actual.Length} values where {expected.Length} are expected.", nameof(actual));
        }

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
