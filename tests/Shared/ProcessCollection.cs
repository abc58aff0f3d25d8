using System.Runtime.InteropServices;

namespace Exo.Sdk.Tests;

/// <summary>Tests that start processes and watch deadlines run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ProcessCollection
{
    public const string Name = "processes";
}

/// <summary>Signals to processes that a test started.</summary>
internal static partial class Signals
{
    public const int Kill = 9;
    public const int Stop = 19;
    public const int Continue = 18;

    public static void Send(int processId, int signal) => kill(processId, signal).Should().Be(0);

    /// <summary>Whether a process exists and is not a zombie.</summary>
    public static bool IsAlive(int processId)
    {
        string status = $"/proc/{processId}/stat";
        try
        {
            string text = File.ReadAllText(status);
            return text[(text.LastIndexOf(')') + 2)..][0] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int kill(int pid, int signal);
}
