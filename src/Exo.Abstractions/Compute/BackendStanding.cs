namespace Exo.Sdk;

/// <summary>Where a compute backend stands in the automatic choice, among those that can be used here and support the model.</summary>
public enum BackendStanding
{
    /// <summary>Taken where no other one can run the model: it is slower or takes more memory than <see cref="Standard"/> here.</summary>
    Fallback,

    /// <summary>What runs on any machine.</summary>
    Standard,

    /// <summary>Taken before all others: it computes on hardware that was made for it and that this machine has.</summary>
    Accelerated,
}
