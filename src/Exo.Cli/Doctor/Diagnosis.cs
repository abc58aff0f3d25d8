namespace Exo.Cli.Doctor;

/// <summary>From the facts of a machine to what can be used on it, why not, and what to do. Pure: it looks at nothing but the facts.</summary>
internal static class Diagnosis
{
    /// <summary>Diagnoses a machine.</summary>
    public static DoctorReport Of(MachineFacts facts)
    {
        string system = facts.System switch
        {
            "macos" => "macOS",
            "linux" => "Linux",
            "windows" => "Windows",
            _ => facts.System,
        };
        List<Finding> transports = [.. facts.Transports.Where(probe => probe.Name != RdmaDiagnosis.Subject).Select(probe => Transport(probe, facts))];
        if (facts.SharedMemory is { } shared && transports.All(finding => finding.Subject != "shared-memory"))
        {
            transports.Add(SharedMemory(shared));
        }

        transports.Add(RdmaDiagnosis.Of(facts));
        return new DoctorReport($"{system} {facts.Version}, {facts.Architecture}", [.. facts.Backends.Select(probe => Backend(probe, facts))], transports);
    }

    private static Finding Backend(ProbeFacts probe, MachineFacts facts)
    {
        if (probe.IsAvailable)
        {
            return new Finding(probe.Name, Verdict.Usable, [probe.Reason], []);
        }

        if (probe.Name != "mlx")
        {
            return new Finding(probe.Name, Verdict.Unusable, [probe.Reason], []);
        }

        return facts switch
        {
            { System: "macos", Architecture: not "arm64" } => new Finding(
                probe.Name, Verdict.Unusable, ["MLX runs on Apple silicon, and this Mac has an Intel processor.", probe.Reason], ["Use the cpu backend."]),
            { System: "macos" } when MacVersion.IsBelow(facts.Version, 14, 0) => new Finding(
                probe.Name, Verdict.Unusable, [$"MLX needs macOS 14 or later, and this is {facts.Version}.", probe.Reason], ["Update macOS, then run 'brew install mlx-c'."]),
            { System: "macos" } => new Finding(
                probe.Name, Verdict.Unusable, [probe.Reason], ["Run 'brew install mlx-c' (or 'brew upgrade mlx-c'), or set EXO_MLX_LIBRARY to the path of libmlxc.dylib."]),
            _ => new Finding(probe.Name, Verdict.Unusable, [probe.Reason], []),
        };
    }

    private static Finding Transport(ProbeFacts probe, MachineFacts facts)
    {
        if (!probe.IsAvailable)
        {
            return new Finding(probe.Name, Verdict.Unusable, [probe.Reason], []);
        }

        if (probe.Name != "tcp")
        {
            return new Finding(probe.Name, Verdict.Usable, [probe.Reason], []);
        }

        string[] reached = [.. facts.Interfaces.Where(network => network.IsUp && network.Addresses.Count > 0)
            .Select(network => $"{network.Name} {string.Join(" ", network.Addresses)}")];
        return reached.Length > 0
            ? new Finding(probe.Name, Verdict.Usable, [$"Other machines reach this one at {string.Join(", ", reached)}."], [])
            : new Finding(
                probe.Name,
                Verdict.Limited,
                ["No network interface has an IPv4 address: only ranks of this machine can be joined, over loopback."],
                ["Connect the machine to a network, or give an interface an address."]);
    }

    private static Finding SharedMemory(SharedMemoryFacts shared)
    {
        const long Enough = 64L << 20;
        if (!shared.IsWritable)
        {
            return new Finding(
                "shared-memory", Verdict.Unusable, [$"{shared.Folder} is missing or not writable for this user."], ["Ranks of this machine use TCP over loopback until it is."]);
        }

        return shared.FreeBytes >= Enough
            ? new Finding("shared-memory", Verdict.Usable, [$"Between processes of this machine, through {shared.Folder} ({shared.FreeBytes >> 20} MiB free)."], [])
            : new Finding(
                "shared-memory",
                Verdict.Limited,
                [$"{shared.Folder} has {shared.FreeBytes >> 20} MiB free, and a group may want {Enough >> 20}."],
                ["Free some of it, or in a container raise its size (for example --shm-size=1g)."]);
    }
}

/// <summary>Compares versions of macOS as texts give them.</summary>
internal static class MacVersion
{
    /// <summary>Whether a version is known and lower.</summary>
    public static bool IsBelow(string version, int major, int minor)
    {
        string[] parts = version.Split('.');
        return int.TryParse(parts[0], out int first)
            && (first < major || (first == major && (parts.Length < 2 || !int.TryParse(parts[1], out int second) ? 0 : second) < minor));
    }
}
