using Exo.Sdk.Cpu;
using Exo.Sdk.Models;
using Exo.Sdk.OnnxRuntime;

namespace Exo.Sdk.Nodes;

/// <summary>The compute backends that come with the library, and the choice among them.</summary>
internal static class BuiltInBackends
{
    /// <summary>All of them, preferred first.</summary>
    internal static IReadOnlyList<IComputeBackend> All() => [new CpuBackend(), new OnnxRuntimeBackend()];

    /// <summary>The first one that can be used here and runs the model.</summary>
    /// <exception cref="UnavailableException">None does; the message has each one's reason.</exception>
    internal static IComputeBackend Choose(IReadOnlyList<IComputeBackend> backends, ModelSpec spec)
    {
        List<string> reasons = [];
        foreach (IComputeBackend backend in backends)
        {
            Availability answer = backend.Probe();
            answer = answer.IsAvailable ? backend.Supports(spec) : answer;
            if (answer.IsAvailable)
            {
                return backend;
            }

            reasons.Add($"the backend '{backend.Name}' cannot run this model: {answer.Reason}");
        }

        string joined = string.Join(" ", reasons);
        throw new UnavailableException(char.ToUpperInvariant(joined[0]) + joined[1..]);
    }
}
