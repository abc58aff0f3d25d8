using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Exo.Sdk;

namespace Exo.Cli.Doctor;

/// <summary>Looks at this machine. Reads and asks; changes nothing.</summary>
internal static class FactGathering
{
    private const int MaxEntries = 256;

    /// <summary>Gathers the facts.</summary>
    /// <param name="backends">The compute backends to ask.</param>
    /// <param name="transports">The transports to ask.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<MachineFacts> GatherAsync(
        IReadOnlyList<IComputeBackend> backends, IReadOnlyList<ITransport> transports, CancellationToken cancellationToken)
    {
        MachineFacts facts = new()
        {
            System = OperatingSystem.IsMacOS() ? "macos" : OperatingSystem.IsWindows() ? "windows" : "linux",
            Version = OperatingSystem.IsLinux() ? Environment.OSVersion.Version.ToString(3) : Environment.OSVersion.Version.ToString(2),
            Architecture = RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(),
            Backends = [.. backends.Select(backend => Probe(backend.Name, backend.Probe))],
            Transports = [.. transports.Select(transport => Probe(transport.Name, transport.Probe))],
            Interfaces = [.. Interfaces()],
        };
        return OperatingSystem.IsMacOS() ? await MacFacts.AddToAsync(facts, cancellationToken).ConfigureAwait(false)
            : OperatingSystem.IsLinux() ? LinuxFacts.AddTo(facts, "/")
            : facts;
    }

    /// <summary>The first library that the system's loader accepts, and what was tried before it.</summary>
    public static (string? Library, IReadOnlyList<string> Tried) FindLibrary(params ReadOnlySpan<string> names)
    {
        List<string> tried = [];
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library))
            {
                NativeLibrary.Free(library);
                return (name, tried);
            }

            tried.Add($"{name}: {(name.Contains('/', StringComparison.Ordinal) && !File.Exists(name) ? "no such file" : "the system's loader refuses it")}");
        }

        return (null, tried);
    }

    // A probe answers and does not throw; should one do so all the same, that is a fact too.
    private static ProbeFacts Probe(string name, Func<Availability> probe)
    {
        try
        {
            Availability answer = probe();
            return new ProbeFacts(name, answer.IsAvailable, answer.Reason);
        }
        catch (Exception error)
        {
            return new ProbeFacts(name, false, $"Its probe failed: {error.GetType().Name}: {error.Message}");
        }
    }

    private static IEnumerable<InterfaceFacts> Interfaces() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(network => network.NetworkInterfaceType != NetworkInterfaceType.Loopback)
        .Take(MaxEntries)
        .Select(network => new InterfaceFacts(
            network.Name,
            network.OperationalStatus == OperationalStatus.Up,
            [.. network.GetIPProperties().UnicastAddresses
                .Where(address => address.Address.AddressFamily == AddressFamily.InterNetwork)
                .Select(address => $"{address.Address}/{address.PrefixLength}")]));
}
