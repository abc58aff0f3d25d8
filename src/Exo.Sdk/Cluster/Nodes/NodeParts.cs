using Exo.Sdk.Models.Families;

namespace Exo.Sdk.Nodes;

/// <summary>What a node can offer to a host, and on what terms.</summary>
/// <param name="Backends">Compute backends, preferred first.</param>
/// <param name="Transports">Transports, preferred first.</param>
/// <param name="Families">Model families beside the built-in ones.</param>
/// <param name="Models">Where its models are.</param>
/// <param name="Limits">What a host may ask for at most.</param>
internal sealed record NodeParts(
    IReadOnlyList<IComputeBackend> Backends,
    IReadOnlyList<ITransport> Transports,
    IReadOnlyList<IModelFamily> Families,
    ModelRoots Models,
    NodeLimits Limits)
{
    /// <summary>The compute backend that a host asks for by name.</summary>
    /// <exception cref="UnavailableException">This node has it not.</exception>
    public IComputeBackend BackendOf(string name) =>
        Pick(Backends, static candidate => candidate.Name, name, "compute backend", BackendChoice.AdviceOn(name));

    /// <summary>The transport that a host asks for by name.</summary>
    /// <exception cref="UnavailableException">This node has it not.</exception>
    public ITransport TransportOf(string name) => Pick(Transports, static candidate => candidate.Name, name, "transport", advice: null);

    private static T Pick<T>(IReadOnlyList<T> candidates, Func<T, string> nameOf, string wanted, string what, string? advice)
        where T : class =>
        candidates.FirstOrDefault(candidate => nameOf(candidate) == wanted)
        ?? throw new UnavailableException(
            $"The host asks for the {what} {Input.HostileText.Quote(wanted)}; this node has: {string.Join(", ", candidates.Select(nameOf))}.{advice}");
}
