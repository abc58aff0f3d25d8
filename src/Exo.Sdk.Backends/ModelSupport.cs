using Exo.Sdk.Models;

namespace Exo.Sdk.Backends;

/// <summary>
/// What a backend can run. What it does not name it refuses by name: kinds of mixers, feed-forwards and caches, ropes, forms of norms,
/// activations and packings. Immutable.
/// </summary>
/// <param name="Backend">The backend, by <see cref="IComputeBackend.Name"/>.</param>
/// <param name="Features">The features that it has, by name; see <see cref="ModelFeatures"/> and <see cref="LayerPart.Needs"/>.</param>
/// <param name="Quantizations">The packings that it multiplies; plain numbers every backend does.</param>
public sealed record ModelSupport(string Backend, IReadOnlySet<string> Features, IReadOnlyList<QuantizationSupport> Quantizations)
{
    /// <summary>Says whether the backend can run a model: the answer to <see cref="IComputeBackend.Supports"/>.</summary>
    /// <param name="spec">The model.</param>
    /// <returns>The answer, with the first thing that is missing.</returns>
    public Availability Of(ModelSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        for (int i = 0; i < spec.Layers.Count; i++)
        {
            foreach (LayerPart part in spec.Layers[i].Parts)
            {
                if (part.Fault is { } fault)
                {
                    return Availability.No($"Layer {i}: {fault}");
                }

                if (part.Needs.FirstOrDefault(need => !Features.Contains(need)) is { } missing)
                {
                    return Refuse($"layer {i}, {part.Kind}", missing);
                }
            }
        }

        if (ModelFeatures.Of(spec.FinalNorm.Form) is var form && !Features.Contains(form))
        {
            return Refuse("the final norm", form);
        }

        return spec.Linears.Select(linear => QuantizationSupport.Refuse(Quantizations, linear)).FirstOrDefault(static reason => reason is not null) is { } unpacked
            ? Availability.No(unpacked)
            : Availability.Yes("every part is supported");
    }

    private Availability Refuse(string part, string missing) =>
        Availability.No($"The {Backend} backend lacks {missing}, which {part} needs; it has {string.Join(", ", Features.Order(StringComparer.Ordinal))}.");
}
