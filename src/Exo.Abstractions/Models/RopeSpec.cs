namespace Exo.Sdk.Models;

/// <summary>
/// Rotary position embedding (Su et al. 2021) in the half-split layout: element i is rotated with element i + HeadSize/2
/// by the angle position · Theta^(−2i/HeadSize), after <see cref="Scaling"/>.
/// </summary>
/// <param name="Theta">The base of the frequencies.</param>
/// <param name="Scaling">How frequencies are stretched for long contexts, or null.</param>
public sealed record RopeSpec(double Theta, RopeScaling? Scaling = null)
{
    /// <summary>The name of its kind, by which a backend has it or refuses it.</summary>
    public string Kind => Scaling?.Kind ?? ModelFeatures.Rope;
}

/// <summary>How rope frequencies are stretched for long contexts.</summary>
public abstract record RopeScaling
{
    /// <summary>The name of the kind, by which a backend has it or refuses it.</summary>
    public virtual string Kind => $"rope scaling {GetType().Name}";
}

/// <summary>Every frequency is divided by a factor.</summary>
/// <param name="Factor">The factor, &gt; 0.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    /// <inheritdoc/>
    public override string Kind => ModelFeatures.LinearRope;
}

/// <summary>
/// Llama 3.1's scaling: frequencies of long wavelength are divided by the factor, of short wavelength kept, and blended between.
/// </summary>
/// <param name="Factor">The factor for long wavelengths.</param>
/// <param name="LowFrequencyFactor">Wavelengths above original/low are long.</param>
/// <param name="HighFrequencyFactor">Wavelengths below original/high are short.</param>
/// <param name="OriginalContextLength">The context length before stretching.</param>
public sealed record Llama3RopeScaling(
    double Factor,
    double LowFrequencyFactor,
    double HighFrequencyFactor,
    int OriginalContextLength) : RopeScaling
{
    /// <inheritdoc/>
    public override string Kind => ModelFeatures.Llama3Rope;
}
