using Exo.Sdk.Backends;
using Exo.Sdk.Mlx.Distributed;
using Exo.Sdk.Mlx.Native;
using Exo.Sdk.Mlx.Weights;
using Exo.Sdk.Models;
using Exo.Sdk.Parts;
using Exo.Sdk.Planning;

namespace Exo.Sdk.Mlx;

/// <summary>
/// The compute backend on Apple's MLX through mlx-c: Metal on Apple silicon, the CPU elsewhere. It brings no native library but finds an
/// installed libmlxc; <see cref="Probe"/> says where it looked. Thread-safe.
/// </summary>
/// <remarks>
/// Every shard has a thread of its own, on which it also takes the group's operations while the caller of <see cref="IModelShard.Forward"/>
/// waits. All ranks of a group use this backend with the same options. A shard must be disposed; it has no finalizer.
/// </remarks>
public sealed class MlxBackend : IMlxBackend, IChildProcessPart
{
    private static readonly string[] KnownGroups = ["jaccl", "ring"];
    private static readonly ModelSupport Support = new(
        "mlx",
        new HashSet<string>
        {
            ModelFeatures.GroupedQueryAttention,
            ModelFeatures.QueryKeyNorm,
            ModelFeatures.AttentionScale,
            ModelFeatures.NoRope,
            ModelFeatures.Rope,
            ModelFeatures.LinearRope,
            ModelFeatures.Llama3Rope,
            ModelFeatures.KeyValueCache,
            ModelFeatures.WindowCache,
            ModelFeatures.GatedFeedForward,
            ModelFeatures.Silu,
            ModelFeatures.RootMeanSquareNorm,
        },
        [.. PackedFormat.All.Select(static format => format.Support)]);

    private readonly MlxBackendOptions _options;

    /// <summary>A backend with the usual options.</summary>
    public MlxBackend()
        : this(new MlxBackendOptions())
    {
    }

    /// <summary>A backend.</summary>
    /// <param name="options">How to find MLX and use it.</param>
    /// <exception cref="ConfigurationException">An option cannot work.</exception>
    public MlxBackend(MlxBackendOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.StepTimeout <= TimeSpan.Zero || options.StepTimeout.TotalMilliseconds > int.MaxValue)
        {
            throw new ConfigurationException($"MlxBackendOptions.StepTimeout is {options.StepTimeout}; it must be above zero and below 24 days.");
        }

        if (!Enum.IsDefined(options.Device) || !Enum.IsDefined(options.Precision) || !Enum.IsDefined(options.Collectives))
        {
            throw new ConfigurationException(
                $"MlxBackendOptions.Device is {options.Device}, Precision {options.Precision} and Collectives {options.Collectives}; one of them is unknown.");
        }

        if (options.RdmaDevices?.Any(rank => rank is null || rank.Any(peer => peer is null || peer.Any(string.IsNullOrEmpty))) == true)
        {
            throw new ConfigurationException("MlxBackendOptions.RdmaDevices holds an empty name or list.");
        }

        if (options.RdmaDevices is not null && options.Collectives != MlxCollectives.Jaccl)
        {
            throw new ConfigurationException("MlxBackendOptions.RdmaDevices goes with MlxCollectives.Jaccl alone.");
        }

        _options = options;
    }

    /// <inheritdoc/>
    public string Name => "mlx";

    /// <inheritdoc/>
    /// <remarks>Accelerated where it computes on Metal; MLX on processors is slower than our own engine.</remarks>
    public BackendStanding Standing => Device is null ? BackendStanding.Fallback : BackendStanding.Accelerated;

    /// <inheritdoc/>
    public MlxDeviceInfo? Device => TryLoad(out MlxApi? api, out _) && UsesMetal(api!) ? MlxSystem.ReadDevice(api!) : null;

    /// <inheritdoc/>
    public IReadOnlyList<string> DistributedBackends =>
        TryLoad(out MlxApi? api, out _) ? [.. KnownGroups.Where(name => MlxSystem.HasGroup(api!, name))] : [];

    /// <inheritdoc/>
    public string DescribeOptions() => PartOptions.Describe(_options, MlxJson.Default.MlxBackendOptions);

    /// <inheritdoc/>
    public IChildProcessPart WithOptions(string options) => new MlxBackend(PartOptions.Read(options, MlxJson.Default.MlxBackendOptions, Name));

    /// <inheritdoc/>
    public Availability Probe()
    {
        if (!TryLoad(out MlxApi? api, out string? reason))
        {
            return Availability.No(reason!);
        }

        try
        {
            string version = api!.ReadVersion();
            bool hasMetal = api.HasMetal();
            bool needsMetal = _options.Device == MlxComputeDevice.Metal || (_options.Device == MlxComputeDevice.Auto && OperatingSystem.IsMacOS());
            if (needsMetal && !hasMetal)
            {
                return Availability.No(
                    $"MLX {version} at {api.Path} runs without Metal: it was built for the CPU alone, or this session has no access to the GPU. "
                    + "Install a build with Metal (`brew install mlx-c`), or choose MlxComputeDevice.Cpu to run on the CPU.");
            }

            string where = UsesMetal(api) ? $"on {MlxSystem.ReadDevice(api).Name} (Metal)" : "on the CPU";
            string groups = string.Join(", ", KnownGroups.Where(name => MlxSystem.HasGroup(api, name)));
            return Availability.Yes($"MLX {version} {where}, from {api.Path}; groups of its own: {(groups.Length == 0 ? "none" : groups)}");
        }
        catch (BackendException error)
        {
            return Availability.No($"libmlxc at {api!.Path} does not answer: {error.Message}");
        }
    }

    /// <inheritdoc/>
    public Availability Supports(ModelSpec spec) => Support.Of(spec);

    /// <inheritdoc/>
    public KeyValuePrecision KeyValuesFor(KeyValuePrecision asked) => _options.Precision switch
    {
        MlxPrecision.BFloat16 => KeyValuePrecision.BFloat16,
        MlxPrecision.Float16 => KeyValuePrecision.Float16,
        _ => KeyValuePrecision.Float32,
    };

    /// <inheritdoc/>
    public void SetMemoryLimits(MlxMemoryLimits limits) => MlxSystem.SetMemoryLimits(MlxLibrary.Load(_options.LibraryPath), limits);

    /// <inheritdoc/>
    /// <remarks>
    /// <see cref="ShardOptions.Activations"/>, <see cref="ShardOptions.KeyValues"/>, <see cref="ShardOptions.ThreadCount"/> and
    /// <see cref="ShardOptions.Processors"/> say nothing to MLX; keys and values are held in the type that is computed in.
    /// </remarks>
    public ValueTask<IModelShard> LoadAsync(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(assignment);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(options);
        ShardRules.CheckLoad(assignment, group, options);
        return new ValueTask<IModelShard>(Task.Run<IModelShard>(
            () => Load(spec, assignment, weights, group, options, progress, cancellationToken), cancellationToken));
    }

    private MlxShard Load(
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        ShardOptions options,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        if (Probe() is { IsAvailable: false } missing)
        {
            throw new UnavailableException(missing.Reason);
        }

        if (Supports(spec) is { IsAvailable: false } refusal)
        {
            throw new UnsupportedModelException($"model for {Name}: {refusal.Reason}", ["see the reason given"]);
        }

        MlxApi api = MlxLibrary.Load(_options.LibraryPath);
        MlxMemoryLimits? planned = UsesMetal(api) ? MlxMemoryPlan.Of(spec, assignment, options, _options.Precision, MlxSystem.ReadDevice(api)) : null;
        if ((_options.MemoryLimits ?? planned) is { } limits)
        {
            MlxSystem.SetMemoryLimits(api, limits);
        }

        ShardThread thread = ShardThread.Rent();
        MlxGroup? mlxGroup = Connect(api, group, thread);
        MlxShard? shard = null;
        try
        {
            thread.Run(() => shard = LoadHere(api, spec, assignment, weights, group, mlxGroup, options, thread, progress, cancellationToken));
        }
        catch
        {
            ShardThread.Return(thread);
            throw;
        }

        return shard!;
    }

    private MlxGroup? Connect(MlxApi api, ICollective group, ShardThread thread)
    {
        if (_options.Collectives == MlxCollectives.Cluster || group.Size == 1)
        {
            return null;
        }

        string name = MlxGroup.NameOf(_options.Collectives);
        MlxGroup? connected = null;
        if (!MlxSystem.HasGroup(api, name))
        {
            ShardThread.Return(thread);
            throw new UnavailableException($"MLX at {api.Path} has no {name} group here; it has {string.Join(", ", DistributedBackends)}. Use MlxCollectives.Cluster.");
        }

        bool isInTime = false;
        try
        {
            isInTime = thread.TryRun(() => connected = MlxGroup.Connect(api, _options, group), _options.StepTimeout);
        }
        catch
        {
            ShardThread.Return(thread);
            throw;
        }

        // The thread waits inside MLX for a peer, without end; it is given up.
        return isInTime
            ? connected
            : throw new UnavailableException($"MLX did not connect its {name} group within {_options.StepTimeout.TotalSeconds:0.#} s; a rank did not come.");
    }

    // On the shard's thread.
    private MlxShard LoadHere(
        MlxApi api,
        ModelSpec spec,
        ShardAssignment assignment,
        WeightSource weights,
        ICollective group,
        MlxGroup? mlxGroup,
        ShardOptions options,
        ShardThread thread,
        IProgress<LoadProgress>? progress,
        CancellationToken cancellationToken)
    {
        MlxType type = _options.Precision switch
        {
            MlxPrecision.BFloat16 => MlxType.BFloat16,
            MlxPrecision.Float16 => MlxType.Float16,
            _ => MlxType.Float32,
        };
        MlxOperations operations = new(api, UsesMetal(api));
        try
        {
            ShardWeights loaded = ShardLoader.Load(spec, assignment, weights, operations, type, progress, cancellationToken);
            operations.Scope.Clear();
            return new MlxShard(spec, assignment, options, group, mlxGroup, thread, operations, type, loaded);
        }
        catch
        {
            operations.Dispose();
            throw;
        }
    }

    private bool TryLoad(out MlxApi? api, out string? reason)
    {
        try
        {
            api = MlxLibrary.Load(_options.LibraryPath);
            reason = null;
            return true;
        }
        catch (UnavailableException error)
        {
            api = null;
            reason = error.Message;
            return false;
        }
    }

    private bool UsesMetal(MlxApi api) => _options.Device != MlxComputeDevice.Cpu && api.HasMetal();
}
