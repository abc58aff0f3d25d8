namespace Exo.Sdk.Models;

/// <summary>
/// One half of a layer, as data: what is added to the residual stream, x += resultNorm(part(norm(x))). It states its matrices with their
/// split rules, what it is divided by and what a step costs; planner, weight catalog, loaders and backends read nothing else of it. A
/// backend that has no kernel for a kind refuses it by its name.
/// </summary>
public abstract record LayerPart
{
    /// <summary>The norm before it.</summary>
    public required NormSpec Norm { get; init; }

    /// <summary>The norm of its result, before that is added to the residual stream; null where there is none.</summary>
    public NormSpec? ResultNorm { get; init; }

    /// <summary>What it is, in the field's terms, for example <c>grouped-query attention</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>Its numbers for people, for example <c>32/8 heads of 128</c>.</summary>
    public abstract string Dimensions { get; }

    /// <summary>
    /// What a backend must have to run it, by name: its kind, and whatever of the kind it uses. A backend refuses what it does not name.
    /// </summary>
    public virtual IEnumerable<string> Needs => Norms.Select(static norm => ModelFeatures.Of(norm.Form)).Distinct()
        .Concat(ResultNorm is null ? [] : [ModelFeatures.ResultNorm]).Prepend(Kind);

    /// <summary>Why its numbers fit no backend; null where they do.</summary>
    public virtual string? Fault => null;

    /// <summary>All its matrices.</summary>
    public abstract IReadOnlyList<LinearSpec> Linears { get; }

    /// <summary>All its norms.</summary>
    public virtual IEnumerable<NormSpec> Norms => ResultNorm is null ? [Norm] : [Norm, ResultNorm];

    /// <summary>What it is divided by among ranks; the units of its matrices' split rules.</summary>
    public abstract IReadOnlyList<Division> Divisions { get; }

    /// <summary>How many numbers of step buffers one token takes on a rank, from above, beside the residual stream.</summary>
    /// <param name="share">The rank's share.</param>
    /// <param name="contextLength">The most tokens of a sequence.</param>
    /// <returns>Numbers of single precision.</returns>
    public abstract long BufferWidth(IRankShare share, int contextLength);

    /// <summary>What a step of one sequence costs a rank beside the products with the matrices.</summary>
    /// <param name="share">The rank's share.</param>
    /// <param name="step">The step.</param>
    /// <returns>Bytes and operations.</returns>
    public virtual StepCost OwnCost(IRankShare share, in CostedStep step) => default;
}
