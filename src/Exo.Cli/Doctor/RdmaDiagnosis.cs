using Exo.Sdk.Mlx;

namespace Exo.Cli.Doctor;

/// <summary>
/// Whether RDMA can be used: over Thunderbolt 5 between Macs (Apple's TN3205 and the reports of users), over verbs devices on Linux.
/// </summary>
internal static class RdmaDiagnosis
{
    /// <summary>The name that reports and probes have in common.</summary>
    public const string Subject = "rdma";

    // A link of Thunderbolt 4 states 40 Gb/s, one of Thunderbolt 5 80 or 120.
    private const int Thunderbolt4Gigabits = 40;
    private const long EnoughLockedBytes = 64L << 20;

    /// <summary>Diagnoses RDMA; the transport's own probe, where there is one, has the last word on "yes".</summary>
    public static Finding Of(MachineFacts facts)
    {
        Finding finding = facts switch
        {
            { Rdma: null } => No([$"RDMA was not looked for on this system ({facts.System})."]),
            { System: "macos" } => OnMac(facts, facts.Rdma),
            { System: "linux" } => OnLinux(facts.Rdma),
            _ => No(["RDMA is used through verbs, which this system does not have."]),
        };
        ProbeFacts? probe = facts.Transports.FirstOrDefault(transport => transport.Name == Subject);
        if (probe is null || finding.Verdict == Verdict.Unusable)
        {
            return finding;
        }

        return probe.IsAvailable
            ? finding with { Reasons = [.. finding.Reasons, probe.Reason] }
            : finding with { Verdict = Verdict.Unusable, Reasons = [probe.Reason, .. finding.Reasons.Select(reason => $"Apart from that: {reason}")] };
    }

    private static Finding OnMac(MachineFacts facts, RdmaFacts rdma)
    {
        if (facts.Architecture != "arm64")
        {
            return No(["RDMA over Thunderbolt needs a Mac with Apple silicon and Thunderbolt 5."]);
        }

        IReadOnlyList<ThunderboltPort> ports = facts.Thunderbolt?.Ports ?? [];
        if (ports.Count == 0)
        {
            return No(
                ["macOS lists no Thunderbolt ports ('system_profiler SPThunderboltDataType')."],
                ["Run this on the Mac itself and not in a virtual machine."]);
        }

        int best = ports.Max(port => port.SpeedGigabits);
        if (best <= Thunderbolt4Gigabits && ports.Any(port => !port.IsConnected))
        {
            return No([$"This Mac's ports do up to {best} Gb/s, which is Thunderbolt 4; RDMA needs Thunderbolt 5. Enabling it in Recovery changes nothing."]);
        }

        if (MacVersion.IsBelow(facts.Version, 26, 2))
        {
            return No([$"RDMA over Thunderbolt came with macOS 26.2, and this is {facts.Version}."], ["Update macOS on every Mac of the cluster, to the same version."]);
        }

        if (rdma.Switch is null || rdma.Library is null)
        {
            string missing = rdma.Switch is null ? "the command rdma_ctl does not answer" : $"librdma cannot be loaded ({string.Join("; ", rdma.Tried)})";
            return No([$"macOS {facts.Version} should have RDMA, but {missing}."], ["Repair or reinstall macOS."]);
        }

        if (rdma.Switch != "enabled")
        {
            return No(
                [$"RDMA is switched off ('rdma_ctl status' says {rdma.Switch}). It can be switched on in Recovery only, not from here and not with sudo."],
                [
                    "Shut down, hold the power button until the startup options appear, choose Options.",
                    "In Recovery: Utilities > Terminal, run 'rdma_ctl enable', restart. Do it on every Mac.",
                ]);
        }

        return OverCables(facts, rdma, ports);
    }

    private static Finding OverCables(MachineFacts facts, RdmaFacts rdma, IReadOnlyList<ThunderboltPort> ports)
    {
        ThunderboltPort[] cables = [.. ports.Where(port => port.PeerDomain is not null)];
        if (cables.Length == 0)
        {
            return No(
                ["RDMA is enabled, but no Thunderbolt cable leads to another Mac."],
                ["Connect the Macs with Thunderbolt 5 cables, each pair directly."]);
        }

        List<string> good = [];
        List<string> reasons = [];
        List<string> steps = [];
        bool bridgeIsOn = facts.Thunderbolt is { BridgeService: not null, BridgeIsEnabled: true };
        if (bridgeIsOn)
        {
            reasons.Add("Thunderbolt Bridge is on: it takes the interfaces of the cables, and connecting over RDMA fails (errno 22).");
            steps.Add($"Run: sudo networksetup -setnetworkserviceenabled '{facts.Thunderbolt!.BridgeService}' off");
        }

        foreach (ThunderboltPort cable in cables)
        {
            string name = $"Thunderbolt {cable.Receptacle} to {cable.PeerName ?? "another Mac"}";
            if (Refuse(cable, facts, rdma) is not { } refusal)
            {
                good.Add($"{cable.RdmaDevice} ({name}, {cable.SpeedGigabits} Gb/s)");
                continue;
            }

            reasons.Add($"{name}: {refusal.Reason}.");
            if (!steps.Contains(refusal.Step))
            {
                steps.Add(refusal.Step);
            }
        }

        string usable = good.Count == 0 ? "" : $"Ready: {string.Join(", ", good)}.";
        if (good.Count == 0 || bridgeIsOn)
        {
            return No([.. reasons, .. good.Count == 0 ? [] : new[] { usable }], steps);
        }

        return new Finding(Subject, reasons.Count == 0 ? Verdict.Usable : Verdict.Limited, [usable, .. reasons], steps);
    }

    // What keeps one cable from carrying RDMA, or null.
    private static (string Reason, string Step)? Refuse(ThunderboltPort cable, MachineFacts facts, RdmaFacts rdma)
    {
        if (cable.SpeedGigabits is > 0 and <= Thunderbolt4Gigabits)
        {
            return (
                $"the link runs at {cable.SpeedGigabits} Gb/s, which is Thunderbolt 4; RDMA needs Thunderbolt 5",
                "Use Thunderbolt 5 cables between Macs that have Thunderbolt 5; over others use TCP.");
        }

        if (cable.RdmaDevice is not { } device)
        {
            return ("the port has no network interface", "Add the port's service in System Settings > Network.");
        }

        RdmaDeviceFacts? found = rdma.Devices.FirstOrDefault(candidate => candidate.Name == device);
        if (found is null)
        {
            return ($"there is no device {device} although RDMA is enabled", "Restart this Mac; check with 'ibv_devices'.");
        }

        if (found.State is { } state && state != "ACTIVE")
        {
            return (
                $"the port of {device} is {state} and not ACTIVE",
                "Replug the cable, and enable RDMA on the other Mac as well; check with 'ibv_devinfo'.");
        }

        return facts.Interfaces.FirstOrDefault(network => network.Name == cable.Interface) is not { Addresses.Count: > 0 }
            ? (
                $"{cable.Interface} has no IPv4 address, and without one {device} has no identity that a queue pair can use",
                $"Give both ends of the cable an address in a network of its own, for example: sudo ifconfig {cable.Interface} inet 10.0.{cable.Receptacle}.1 netmask 255.255.255.252")
            : null;
    }

    private static Finding OnLinux(RdmaFacts rdma)
    {
        if (rdma.Devices.Count == 0)
        {
            return No(
                ["The kernel lists no RDMA device under /sys/class/infiniband.", .. rdma.Library is null ? [LibraryMissing(rdma)] : Array.Empty<string>()],
                ["With a suitable network card load its RDMA driver; for tests 'rdma link add rxe0 type rxe netdev eth0' makes a device of an Ethernet interface."]);
        }

        if (rdma.Library is null)
        {
            return No([LibraryMissing(rdma)], ["Install it: on Debian and Ubuntu 'apt-get install libibverbs1 ibverbs-providers'."]);
        }

        List<string> reasons = [];
        List<string> steps = [];
        List<string> good = [];
        foreach (RdmaDeviceFacts device in rdma.Devices)
        {
            if (device.State is { } state && state != "ACTIVE")
            {
                reasons.Add($"{device.Name}: its port is {state} and not ACTIVE.");
                steps.Add($"Connect {device.Name} and bring its network interface up.");
            }
            else if (device.Gids is { } gids && !gids.Any(IsIPv4Mapped))
            {
                reasons.Add($"{device.Name}: no global identifier is an IPv4 address.");
                steps.Add($"Give the network interface of {device.Name} an IPv4 address.");
            }
            else
            {
                good.Add(device.Name);
            }
        }

        if (rdma.LockedMemoryBytes is { } limit && limit < EnoughLockedBytes)
        {
            reasons.Add($"A process may lock {limit >> 10} KiB of memory, and a group may want {EnoughLockedBytes >> 20} MiB.");
            steps.Add("Raise the limit (ulimit -l, or memlock in /etc/security/limits.conf).");
        }

        return good.Count == 0
            ? No(reasons, steps)
            : new Finding(Subject, reasons.Count == 0 ? Verdict.Usable : Verdict.Limited, [$"Ready: {string.Join(", ", good)}.", .. reasons], steps);
    }

    private static bool IsIPv4Mapped(string gid) =>
        System.Net.IPAddress.TryParse(gid, out System.Net.IPAddress? address) && address.IsIPv4MappedToIPv6;

    private static string LibraryMissing(RdmaFacts rdma) => $"The verbs library cannot be loaded: {string.Join("; ", rdma.Tried)}.";

    private static Finding No(IReadOnlyList<string> reasons, IReadOnlyList<string>? steps = null) => new(Subject, Verdict.Unusable, reasons, steps ?? []);
}
