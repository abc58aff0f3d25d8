using Exo.Sdk.Control;
using Exo.Sdk.Cpu;
using Exo.Sdk.Input;
using Exo.Sdk.Models;

namespace Exo.Sdk.Nodes;

/// <summary>The choice among the compute backend that comes with the library and those that packages add.</summary>
internal static class BackendChoice
{
    /// <summary>What comes with the library.</summary>
    internal static IReadOnlyList<IComputeBackend> BuiltIn() => [new CpuBackend()];

    /// <summary>The backend that is asked for, else of those that can be used here and run the model the one that stands highest.</summary>
    /// <param name="options">What the program asks for and offers.</param>
    /// <param name="spec">The model.</param>
    /// <exception cref="ConfigurationException">There is none of the name that is asked for.</exception>
    /// <exception cref="UnavailableException">None can; the message has each one's reason.</exception>
    internal static IComputeBackend Make(ClusterOptions options, ModelSpec spec)
    {
        IReadOnlyList<IComputeBackend> known = [.. BuiltIn(), .. options.OfferedBackends];
        return options switch
        {
            { Backend: { } given } => Best([given], spec, options.HasProcesses),
            { BackendName: { } name } => Best([Named(known, name)], spec, options.HasProcesses),
            _ => Best(known, spec, options.HasProcesses),
        };
    }

    /// <summary>Which package to add for a backend that a program lacks, as a sentence to append; empty where it is none of ours.</summary>
    /// <param name="name">The backend's name.</param>
    internal static string AdviceOn(string name) => name switch
    {
        "onnxruntime" => AdviceOf("Exo.Sdk.OnnxRuntime", "UseOnnxRuntime"),
        "mlx" => AdviceOf("Exo.Sdk.Mlx", "UseMlx"),
        _ => "",
    };

    private static string AdviceOf(string package, string method) =>
        $" Add the package {package} to the program that runs the rank (dotnet add package {package}) and call {method}() on its ClusterBuilder or NodeOptions.";

    private static IComputeBackend Named(IReadOnlyList<IComputeBackend> known, string name) =>
        known.FirstOrDefault(backend => backend.Name == name)
        ?? throw new ConfigurationException(
            $"There is no compute backend {HostileText.Quote(name)} here; there are: {string.Join(", ", known.Select(backend => backend.Name))}.{AdviceOn(name)}");

    private static IComputeBackend Best(IReadOnlyList<IComputeBackend> backends, ModelSpec spec, bool hasProcesses)
    {
        List<string> reasons = [];
        foreach (IComputeBackend backend in backends.OrderByDescending(backend => backend.Standing))
        {
            Availability answer = hasProcesses && PartRecipe.Refusal(backend) is { } refusal ? Availability.No(refusal + ".") : backend.Probe();
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
