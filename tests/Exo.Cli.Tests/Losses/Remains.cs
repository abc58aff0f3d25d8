using System.Diagnostics;
using System.Globalization;

namespace Exo.Cli.Tests.Losses;

/// <summary>What a cluster could leave on this machine: processes, threads, sockets, files, shared memory.</summary>
internal static class Remains
{
    private const string SharedMemory = "/dev/shm";

    /// <summary>The live child processes of this one.</summary>
    public static int[] Children() =>
        [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(static name => int.TryParse(name, out _))
            .Select(static name => int.Parse(name!, CultureInfo.InvariantCulture)).Where(static id => IsChild(id))];

    /// <summary>This process's threads that belong to a cluster.</summary>
    public static int Threads() => Directory.GetDirectories("/proc/self/task").Count(static task =>
        Read(Path.Combine(task, "comm")).StartsWith("exo ", StringComparison.Ordinal));

    /// <summary>This process's sockets.</summary>
    public static int Sockets() => Directory.GetFiles("/proc/self/fd").Count(static descriptor =>
        new FileInfo(descriptor).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    /// <summary>Files in a folder for temporary ones, but for those that the runtime leaves there when its process is killed.</summary>
    public static string[] Files(string folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder).Where(static path =>
            !Path.GetFileName(path).StartsWith("dotnet-diagnostic-", StringComparison.Ordinal)
            && !Path.GetFileName(path).StartsWith("clr-debug-pipe-", StringComparison.Ordinal))];

    /// <summary>Segments of shared memory with a name.</summary>
    public static string[] Segments() => Directory.Exists(SharedMemory) ? Directory.GetFiles(SharedMemory, "exo*") : [];

    /// <summary>Those that no process has mapped, so that nobody but a dead one can have made them.</summary>
    public static string[] Orphans(IEnumerable<string> segments)
    {
        string[] maps = [.. Directory.EnumerateDirectories("/proc").Select(static folder => Read(Path.Combine(folder, "maps")))];
        return [.. segments.Where(segment => File.Exists(segment) && !maps.Any(map => map.Contains(segment, StringComparison.Ordinal)))];
    }

    /// <summary>Waits until something holds.</summary>
    public static async Task<TimeSpan> UntilAsync(Func<bool> holds, TimeSpan limit, string because)
    {
        long began = Stopwatch.GetTimestamp();
        while (!holds())
        {
            Stopwatch.GetElapsedTime(began).Should().BeLessThan(limit, because);
            await Task.Delay(10);
        }

        return Stopwatch.GetElapsedTime(began);
    }

    private static bool IsChild(int id)
    {
        string text = Read($"/proc/{id}/stat");
        string[] fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 1 && fields[0] is not ("Z" or "X") && fields[1] == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
