namespace Exo.Sdk.Models;

/// <summary>A dense feed-forward with a gate (Shazeer 2020): Down·(activation(Gate·x) ⊙ (Up·x)).</summary>
public sealed record GatedFeedForward : FeedForward
{
    /// <summary>The gate.</summary>
    public required LinearSpec Gate { get; init; }

    /// <summary>The up-projection.</summary>
    public required LinearSpec Up { get; init; }

    /// <summary>The down-projection.</summary>
    public required LinearSpec Down { get; init; }

    /// <summary>The function of the gate.</summary>
    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>Its channels.</summary>
    public int ChannelCount => Down.InputSize;

    /// <inheritdoc/>
    public override string Kind => ModelFeatures.GatedFeedForward;

    /// <inheritdoc/>
    public override IEnumerable<string> Needs => base.Needs.Append(ModelFeatures.Of(Activation));

    /// <inheritdoc/>
    public override string Dimensions => $"{ChannelCount} channels";

    /// <inheritdoc/>
    public override IReadOnlyList<LinearSpec> Linears => [Gate, Up, Down];

    /// <inheritdoc/>
    public override IReadOnlyList<Division> Divisions => [new(SplitUnit.Channel, ChannelCount)];

    /// <inheritdoc/>
    /// <remarks>Gate, up and their product.</remarks>
    public override long BufferWidth(IRankShare share, int contextLength)
    {
        ArgumentNullException.ThrowIfNull(share);
        return 3L * share.UnitsOf(new Division(SplitUnit.Channel, ChannelCount)).Count;
    }
}
