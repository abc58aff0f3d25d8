using System.CommandLine;
using Exo.Sdk;
using Exo.Sdk.Cpu;
using Exo.Sdk.Mlx;

namespace Exo.Cli.Commands;

/// <summary>The compute backends that the command knows, and the options that choose one and set it.</summary>
internal sealed class BackendArguments
{
    // It would make the download of this command 167 MB instead of 6, for an engine that no model needs.
    private const string OnnxRuntimeAdvice =
        " ONNX Runtime is not part of this command, because its native libraries take 160 MB: add the package Exo.Sdk.OnnxRuntime to a program of "
        + "your own and call UseOnnxRuntime() on its ClusterBuilder or NodeOptions.";

    private readonly Option<string?> _name = new("--backend")
    {
        Description = $"The compute backend: {string.Join(", ", All().Select(backend => backend.Name))}. 'exo doctor' says which can be used here.",
        HelpName = "NAME",
    };

    private readonly Option<MlxPrecision> _precision = new("--mlx-precision")
    {
        Description = "What the mlx backend computes in: Float32 (exact), BFloat16 or Float16 (half the memory). The same on every node.",
        DefaultValueFactory = _ => MlxPrecision.Float32,
    };

    private readonly Option<MlxCollectives> _group = new("--mlx-group")
    {
        Description = "Who adds the ranks' results for the mlx backend: Cluster, or MLX's own Ring (TCP) or Jaccl (RDMA). The same on every node.",
        DefaultValueFactory = _ => MlxCollectives.Cluster,
    };

    /// <summary>A new backend of each kind, the usual one first.</summary>
    /// <param name="mlx">How the one on MLX is set.</param>
    public static IReadOnlyList<IComputeBackend> All(MlxBackendOptions? mlx = null) =>
        [new CpuBackend(), new MlxBackend(mlx ?? new MlxBackendOptions())];

    /// <summary>Adds the options of a command that runs one backend.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(_name);
        AddSettingsTo(command);
    }

    /// <summary>Adds the options of a command that offers all backends.</summary>
    public void AddSettingsTo(Command command)
    {
        command.Options.Add(_precision);
        command.Options.Add(_group);
    }

    /// <summary>All backends as they are set.</summary>
    public IReadOnlyList<IComputeBackend> Offer(ParseResult result) => All(Settings(result));

    /// <summary>The backend that is named, or null where none is.</summary>
    /// <param name="result">The command line.</param>
    /// <exception cref="ConfigurationException">There is no such backend, or the settings do not go with it.</exception>
    public IComputeBackend? Choose(ParseResult result)
    {
        string? name = result.GetValue(_name);
        bool hasSettings = result.GetValue(_precision) != MlxPrecision.Float32 || result.GetValue(_group) != MlxCollectives.Cluster;
        if (hasSettings && name != "mlx")
        {
            throw new ConfigurationException("--mlx-precision and --mlx-group go with --backend mlx.");
        }

        IReadOnlyList<IComputeBackend> backends = Offer(result);
        return name is null
            ? null
            : backends.FirstOrDefault(backend => backend.Name == name)
                ?? throw new ConfigurationException(
                    $"--backend: there is no '{name}'; there are {string.Join(", ", backends.Select(backend => backend.Name))}."
                    + (name == "onnxruntime" ? OnnxRuntimeAdvice : ""));
    }

    private MlxBackendOptions Settings(ParseResult result) => new()
    {
        Precision = result.GetValue(_precision),
        Collectives = result.GetValue(_group),
    };
}
