namespace Exo.Sdk.Testing.Conformance;

/// <summary>How exact and how thrifty a backend says it is.</summary>
public sealed record BackendConformanceOptions
{
    /// <summary>The largest error of logits against the formulas in double precision, ‖a − b‖∞ / ‖b‖∞, with exact activations.</summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>The same with <see cref="ActivationPrecision.Int8"/>.</summary>
    public double IntegerTolerance { get; init; } = 8e-2;

    /// <summary>The most bytes that a decode step may allocate on the managed heap of the calling thread once it is warm.</summary>
    public int AllocatedBytesPerDecodeStep { get; init; }
}
