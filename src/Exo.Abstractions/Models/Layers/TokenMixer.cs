namespace Exo.Sdk.Models;

/// <summary>The half of a layer that lets tokens see earlier ones, and what it keeps of them.</summary>
public abstract record TokenMixer : LayerPart
{
    /// <summary>What it keeps of each sequence from step to step.</summary>
    public abstract IReadOnlyList<CacheSpec> Caches { get; }

    /// <inheritdoc/>
    public override IEnumerable<string> Needs => base.Needs.Concat(Caches.Select(static cache => cache.Kind));

    /// <inheritdoc/>
    /// <remarks>What is kept is read once.</remarks>
    public override StepCost OwnCost(IRankShare share, in CostedStep step)
    {
        StepCost cost = default;
        foreach (CacheSpec cache in Caches)
        {
            cost += new StepCost(cache.Bytes(share, step.KeyValues, step.Position + step.TokenCount), 0);
        }

        return cost;
    }
}
