using System.Text.Json;
using System.Text.Json.Serialization;
using Exo.Sdk;
using Exo.Sdk.Mlx;

namespace Exo.Cli.Doctor;

/// <summary>
/// What is known of a machine, before anything is concluded from it. It can be written to a file and diagnosed elsewhere.
/// </summary>
internal sealed record MachineFacts
{
    private const int MaxFileBytes = 1 << 20;

    /// <summary><c>macos</c>, <c>linux</c> or <c>windows</c>.</summary>
    public required string System { get; init; }

    /// <summary>The system's version, for example <c>26.2</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The processor's architecture, for example <c>arm64</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The compute backends and what each says of itself.</summary>
    public IReadOnlyList<ProbeFacts> Backends { get; init; } = [];

    /// <summary>The transports and what each says of itself.</summary>
    public IReadOnlyList<ProbeFacts> Transports { get; init; } = [];

    /// <summary>Network interfaces, loopback aside.</summary>
    public IReadOnlyList<InterfaceFacts> Interfaces { get; init; } = [];

    /// <summary>Memory shared between processes; null where that was not looked at.</summary>
    public SharedMemoryFacts? SharedMemory { get; init; }

    /// <summary>The verbs library and the devices; null where that was not looked at.</summary>
    public RdmaFacts? Rdma { get; init; }

    /// <summary>Thunderbolt; null where that was not looked at.</summary>
    public ThunderboltFacts? Thunderbolt { get; init; }

    /// <summary>Reads facts that were written to a file.</summary>
    /// <exception cref="ConfigurationException">The file does not hold facts.</exception>
    public static MachineFacts Read(string path)
    {
        FileInfo file = new(path);
        if (!file.Exists || file.Length > MaxFileBytes)
        {
            throw new ConfigurationException($"--from: {path} {(file.Exists ? $"has {file.Length} bytes; at most {MaxFileBytes} are read" : "does not exist")}.");
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), DoctorJson.Default.MachineFacts)
                ?? throw new ConfigurationException($"--from: {path} holds null in place of facts.");
        }
        catch (JsonException error)
        {
            throw new ConfigurationException($"--from: {path} does not hold what 'exo doctor --facts' prints: {error.Message}");
        }
    }

    /// <summary>The facts as text that <see cref="Read"/> understands.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DoctorJson.Default.MachineFacts);
}

/// <summary>What a backend or transport says of itself.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsAvailable">Whether it can be used.</param>
/// <param name="Reason">Why (not).</param>
internal sealed record ProbeFacts(string Name, bool IsAvailable, string Reason);

/// <summary>A network interface.</summary>
/// <param name="Name">For example <c>en5</c>.</param>
/// <param name="IsUp">Whether it is in use.</param>
/// <param name="Addresses">Its IPv4 addresses with prefix lengths.</param>
internal sealed record InterfaceFacts(string Name, bool IsUp, IReadOnlyList<string> Addresses);

/// <summary>Memory that processes of this machine share.</summary>
/// <param name="Folder">The folder whose files are memory.</param>
/// <param name="IsWritable">Whether this user may make files there.</param>
/// <param name="FreeBytes">The room there.</param>
internal sealed record SharedMemoryFacts(string Folder, bool IsWritable, long FreeBytes);

/// <summary>RDMA.</summary>
/// <param name="Library">The verbs library that can be loaded, or null.</param>
/// <param name="Tried">What was tried to load, with the reason of each failure.</param>
/// <param name="Devices">The devices that the system lists.</param>
/// <param name="Switch">On a Mac what <c>rdma_ctl status</c> says; null where there is no such command.</param>
/// <param name="LockedMemoryBytes">The most memory that a process may lock; null for no limit.</param>
internal sealed record RdmaFacts(
    string? Library, IReadOnlyList<string> Tried, IReadOnlyList<RdmaDeviceFacts> Devices, string? Switch = null, long? LockedMemoryBytes = null);

/// <summary>An RDMA device.</summary>
/// <param name="Name">For example <c>rdma_en5</c> or <c>mlx5_0</c>.</param>
/// <param name="State">Its first port's state, for example <c>ACTIVE</c>; null where the system does not say.</param>
/// <param name="Gids">The global identifiers in use; null where the system does not say.</param>
internal sealed record RdmaDeviceFacts(string Name, string? State, IReadOnlyList<string>? Gids = null);

/// <summary>Thunderbolt on a Mac.</summary>
/// <param name="Ports">The ports.</param>
/// <param name="BridgeService">The network service over the Thunderbolt Bridge, by name; null where there is none.</param>
/// <param name="BridgeIsEnabled">Whether that service is on.</param>
internal sealed record ThunderboltFacts(IReadOnlyList<ThunderboltPort> Ports, string? BridgeService, bool BridgeIsEnabled);

[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(MachineFacts))]
[JsonSerializable(typeof(DoctorReport))]
internal sealed partial class DoctorJson : JsonSerializerContext;
