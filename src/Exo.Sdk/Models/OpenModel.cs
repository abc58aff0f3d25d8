using Exo.Sdk.Models.Families;

namespace Exo.Sdk.Models;

/// <summary>
/// A model folder that was read once: description, open weights and fingerprint, for all of a process that need them. Thread-safe; whoever
/// opened it disposes it, after everything that reads the weights.
/// </summary>
internal sealed class OpenModel : IDisposable
{
    private OpenModel(string folder, ModelSpec spec, SafetensorsWeightSource weights, IReadOnlyList<string> unusedTensors) =>
        (Folder, Spec, Weights, UnusedTensors, Fingerprint) = (folder, spec, weights, unusedTensors, ModelFingerprint.Compute(folder, weights));

    public string Folder { get; }

    public ModelSpec Spec { get; }

    public WeightSource Weights { get; }

    /// <summary>Tensors in the files that nothing uses, by name in order.</summary>
    public IReadOnlyList<string> UnusedTensors { get; }

    /// <summary>By which nodes check that they hold the same model.</summary>
    public string Fingerprint { get; }

    /// <summary>Reads a folder's description and headers, no weights.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="families">Families from outside; null for none.</param>
    /// <exception cref="ModelFormatException">A file is missing, unreadable, damaged or hostile.</exception>
    /// <exception cref="UnsupportedModelException">The model needs something that this version cannot do.</exception>
    public static OpenModel Open(string folder, IReadOnlyList<IModelFamily>? families = null)
    {
        SafetensorsWeightSource weights = SafetensorsWeightSource.Open(folder);
        try
        {
            ModelSpec spec = ModelSpecReader.Read(folder, weights, families, out IReadOnlyList<string> unused);
            return new OpenModel(folder, spec, weights, unused);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public void Dispose() => Weights.Dispose();
}
