using System.CommandLine;
using Exo.Sdk;
using Exo.Sdk.Cpu;
using Exo.Sdk.Mlx;
using Exo.Sdk.OnnxRuntime;

namespace Exo.Cli.Commands;

/// <summary>The compute backends that the command knows, and the option that names one.</summary>
internal static class BackendChoice
{
    /// <summary>A new backend of each kind, the usual one first.</summary>
    public static IEnumerable<IComputeBackend> All => [new CpuBackend(), new OnnxRuntimeBackend(), new MlxBackend()];

    public static Option<string?> CreateOption() => new("--backend")
    {
        Description = $"The compute backend: {string.Join(" or ", All.Select(backend => backend.Name))}. 'exo doctor' says which can be used here.",
        HelpName = "NAME",
    };

    /// <summary>The backend that is named, or null where none is.</summary>
    /// <exception cref="ConfigurationException">There is no such backend.</exception>
    public static IComputeBackend? Find(string? name) => name is null
        ? null
        : All.FirstOrDefault(backend => backend.Name == name)
            ?? throw new ConfigurationException($"--backend: there is no '{name}'; there are {string.Join(", ", All.Select(backend => backend.Name))}.");
}
