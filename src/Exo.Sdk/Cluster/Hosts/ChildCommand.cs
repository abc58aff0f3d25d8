using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using Exo.Sdk.Control;

namespace Exo.Sdk.Hosts;

/// <summary>
/// Says how to start this program a second time as a node. The runtime runs <c>StartupHook.Initialize</c> of this assembly before the
/// program's Main (DOTNET_STARTUP_HOOKS), so the program needs no code for it. Programs published ahead of time or
/// trimmed have no startup hooks; they call <see cref="ExoNode.RunIfChild"/> first thing in Main.
/// </summary>
internal static class ChildCommand
{
    private const string HooksVariable = "DOTNET_STARTUP_HOOKS";

    /// <summary>The command, with its standard streams redirected.</summary>
    /// <exception cref="UnavailableException">The host program cannot be started again from here.</exception>
    public static ProcessStartInfo Create()
    {
        string program = Environment.ProcessPath
            ?? throw new UnavailableException("The path of this program is unknown, so it cannot be started as a child process. Host the ranks in-process instead.");
        ProcessStartInfo command = new()
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (HostedByMuxer(program, out string? muxer, out string? entry))
        {
            AddMuxerArguments(command, muxer, entry);
        }
        else
        {
            command.FileName = program;
        }

        command.Environment[NodeBootstrap.Variable] = "1";
        if (HookPath() is { } hook)
        {
            command.Environment[HooksVariable] = hook;
        }

        return command;
    }

    /// <summary>
    /// Whether the program runs as <c>dotnet some.dll</c>. Test hosts may have a launcher of their own that expects arguments;
    /// they are started through the muxer as well.
    /// </summary>
    private static bool HostedByMuxer(string program, [NotNullWhen(true)] out string? muxer, [NotNullWhen(true)] out string? entry)
    {
        muxer = null;
        entry = EntryPath();
        if (entry is null)
        {
            return false;
        }

        bool isMuxer = string.Equals(Path.GetFileNameWithoutExtension(program), "dotnet", StringComparison.OrdinalIgnoreCase);
        bool isTestHost = Path.GetFileNameWithoutExtension(entry).StartsWith("testhost", StringComparison.OrdinalIgnoreCase);
        muxer = isMuxer ? program : isTestHost ? MuxerOfThisRuntime() : null;
        return muxer is not null;
    }

    private static void AddMuxerArguments(ProcessStartInfo command, string muxer, string entry)
    {
        command.FileName = muxer;
        command.ArgumentList.Add("exec");
        string? deps = (AppContext.GetData("APP_CONTEXT_DEPS_FILES") as string)?.Split(';').FirstOrDefault(File.Exists);
        if (deps is not null)
        {
            command.ArgumentList.Add("--depsfile");
            command.ArgumentList.Add(deps);
            string config = deps.Replace(".deps.json", ".runtimeconfig.json", StringComparison.Ordinal);
            if (File.Exists(config))
            {
                command.ArgumentList.Add("--runtimeconfig");
                command.ArgumentList.Add(config);
            }
        }

        command.ArgumentList.Add(entry);
    }

    private static string? MuxerOfThisRuntime()
    {
        // …/shared/Microsoft.NETCore.App/<version>/
        string name = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        string path = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", name));
        return File.Exists(path) ? path : null;
    }

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty path is the answer for a single file, and is handled.")]
    private static string? EntryPath() => Assembly.GetEntryAssembly()?.Location is { Length: > 0 } path ? path : null;

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty path is the answer for a single file, and is handled.")]
    private static string? HookPath() => typeof(ChildCommand).Assembly.Location is { Length: > 0 } path ? path : null;
}
