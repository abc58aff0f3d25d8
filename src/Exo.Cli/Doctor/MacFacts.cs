using System.ComponentModel;
using System.Diagnostics;
using Exo.Sdk.Mlx;

namespace Exo.Cli.Doctor;

/// <summary>What a Mac's own commands tell. None of them changes anything.</summary>
internal static class MacFacts
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Adds Thunderbolt and RDMA.</summary>
    public static async Task<MachineFacts> AddToAsync(MachineFacts facts, CancellationToken cancellationToken)
    {
        Task<string?> profile = OutputAsync("system_profiler", ["SPThunderboltDataType", "-json"], cancellationToken);
        string? hardwarePorts = await OutputAsync("networksetup", ["-listallhardwareports"], cancellationToken).ConfigureAwait(false);
        string? services = await OutputAsync("networksetup", ["-listnetworkserviceorder"], cancellationToken).ConfigureAwait(false);
        string? status = await OutputAsync("rdma_ctl", ["status"], cancellationToken).ConfigureAwait(false);
        string? devices = await OutputAsync("ibv_devinfo", [], cancellationToken).ConfigureAwait(false);
        (string? library, IReadOnlyList<string> tried) = FactGathering.FindLibrary("/usr/lib/librdma.dylib", "librdma.dylib");
        (string? service, bool isEnabled) = ParseBridge(services ?? "");
        return facts with
        {
            Thunderbolt = new ThunderboltFacts(ParsePorts(await profile.ConfigureAwait(false), hardwarePorts), service, isEnabled),
            Rdma = new RdmaFacts(library, tried, ParseDevices(devices ?? ""), status?.Trim()),
        };
    }

    /// <summary>The service over the Thunderbolt Bridge, from <c>networksetup -listnetworkserviceorder</c>.</summary>
    /// <remarks>Each service takes two lines: <c>(3) Name</c>, or <c>(*) Name</c> where it is off, then <c>(Hardware Port: …, Device: …)</c>.</remarks>
    internal static (string? Service, bool IsEnabled) ParseBridge(string services)
    {
        string[] lines = services.Split('\n', StringSplitOptions.TrimEntries);
        for (int i = 1; i < lines.Length; i++)
        {
            int close = lines[i - 1].IndexOf(") ", StringComparison.Ordinal);
            if (lines[i].StartsWith("(Hardware Port: Thunderbolt Bridge,", StringComparison.Ordinal) && close > 0)
            {
                return (lines[i - 1][(close + 2)..], !lines[i - 1].StartsWith("(*)", StringComparison.Ordinal));
            }
        }

        return (null, false);
    }

    /// <summary>The devices and the state of their first ports, from <c>ibv_devinfo</c>.</summary>
    internal static IReadOnlyList<RdmaDeviceFacts> ParseDevices(string devinfo)
    {
        List<RdmaDeviceFacts> devices = [];
        foreach (string line in devinfo.Split('\n', StringSplitOptions.TrimEntries))
        {
            if (line.StartsWith("hca_id:", StringComparison.Ordinal))
            {
                devices.Add(new RdmaDeviceFacts(line["hca_id:".Length..].Trim(), null));
            }
            else if (line.StartsWith("state:", StringComparison.Ordinal) && devices is [.., { State: null } last])
            {
                // "PORT_ACTIVE (4)"
                devices[^1] = last with { State = line["state:".Length..].Trim().Split(' ')[0].Replace("PORT_", "", StringComparison.Ordinal) };
            }
        }

        return devices;
    }

    private static IReadOnlyList<ThunderboltPort> ParsePorts(string? profile, string? hardwarePorts)
    {
        try
        {
            return profile is null ? [] : ThunderboltPort.Parse(profile, hardwarePorts ?? "");
        }
        catch (FormatException)
        {
            return [];
        }
    }

    // Null where there is no such command, or it fails or does not answer.
    private static async Task<string?> OutputAsync(string command, string[] arguments, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        using Process process = new()
        {
            StartInfo = new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true },
        };
        try
        {
            process.Start();
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            string output = await process.StandardOutput.ReadToEndAsync(deadline.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(false);
            return process.ExitCode == 0 ? output : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            process.Kill();
            return null;
        }
    }
}
