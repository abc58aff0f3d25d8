using System.Globalization;

namespace Exo.Cli.Doctor;

/// <summary>What Linux tells in its own folders.</summary>
internal static class LinuxFacts
{
    private const int MaxDevices = 64;
    private const int MaxGids = 256;

    /// <summary>Adds shared memory and RDMA.</summary>
    /// <param name="facts">What is known so far.</param>
    /// <param name="root">The folder that /sys, /proc and /dev lie in.</param>
    public static MachineFacts AddTo(MachineFacts facts, string root)
    {
        (string? library, IReadOnlyList<string> tried) = FactGathering.FindLibrary("libibverbs.so.1", "libibverbs.so");
        return facts with
        {
            SharedMemory = SharedMemory(Path.Combine(root, "dev", "shm")),
            Rdma = new RdmaFacts(library, tried, Devices(Path.Combine(root, "sys", "class", "infiniband")), LockedMemoryBytes: LockedMemory(Path.Combine(root, "proc", "self", "limits"))),
        };
    }

    private static SharedMemoryFacts SharedMemory(string folder)
    {
        const UnixFileMode AnyWrite = UnixFileMode.OtherWrite;
        bool isWritable = OperatingSystem.IsLinux() && Directory.Exists(folder)
            && (Environment.IsPrivilegedProcess || (File.GetUnixFileMode(folder) & AnyWrite) != 0);
        return new SharedMemoryFacts(folder, isWritable, isWritable ? new DriveInfo(folder).AvailableFreeSpace : 0);
    }

    private static List<RdmaDeviceFacts> Devices(string folder)
    {
        List<RdmaDeviceFacts> devices = [];
        if (Directory.Exists(folder))
        {
            foreach (string device in Directory.GetDirectories(folder).Order(StringComparer.Ordinal).Take(MaxDevices))
            {
                string port = Path.Combine(device, "ports", "1");

                // "4: ACTIVE"
                string? state = ReadLine(Path.Combine(port, "state"))?.Split(':')[^1].Trim();
                devices.Add(new RdmaDeviceFacts(Path.GetFileName(device), state, Gids(Path.Combine(port, "gids"))));
            }
        }

        return devices;
    }

    private static List<string>? Gids(string folder) => !Directory.Exists(folder)
        ? null
        : [.. Directory.GetFiles(folder).Take(MaxGids).Select(ReadLine).OfType<string>().Where(gid => gid.Any(letter => letter is not ('0' or ':')))];

    // "Max locked memory         8388608              8388608              bytes"
    private static long? LockedMemory(string path)
    {
        const string Name = "Max locked memory";
        string? line = File.Exists(path) ? File.ReadLines(path).FirstOrDefault(text => text.StartsWith(Name, StringComparison.Ordinal)) : null;
        string? soft = line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, CultureInfo.InvariantCulture, out long bytes) ? bytes : null;
    }

    // Some entries of /sys exist and cannot be read.
    private static string? ReadLine(string path)
    {
        try
        {
            using StreamReader reader = new(path);
            return reader.ReadLine()?.Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
