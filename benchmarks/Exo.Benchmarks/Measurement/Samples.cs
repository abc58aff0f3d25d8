namespace Exo.Benchmarks.Measurement;

/// <summary>What the rounds of one measurement gave, in order. Rounds are paired: the n-th of two measurements ran one after the other.</summary>
/// <param name="values">At least one value.</param>
internal sealed class Samples(params IEnumerable<double> values)
{
    private readonly double[] _values = [.. values];

    public double Median => Measurement.Median.Of(_values);

    public double Low => _values.Min();

    public double High => _values.Max();

    public int Count => _values.Length;

    /// <summary>Quotients round by round, so that a slow spell of the machine divides out; rounds that only one side has are left out.</summary>
    public static Samples operator /(Samples a, Samples b) => new(a._values.Zip(b._values, static (x, y) => x / y));

    public static Samples operator *(Samples a, double factor) => new(a._values.Select(value => value * factor));
}
