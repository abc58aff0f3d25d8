using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Native;

/// <summary>Where libmlxc may lie. A pure function of what it is told, so that it can be tested for systems that are not this one.</summary>
internal static class LibrarySearch
{
    /// <summary>The variable that names the library, or the folder it lies in. Where it is set nothing else is tried.</summary>
    internal const string Variable = "EXO_MLX_LIBRARY";

    /// <summary>The library's name on a system.</summary>
    internal static string FileName(OSPlatform system) =>
        system == OSPlatform.OSX ? "libmlxc.dylib" : system == OSPlatform.Windows ? "mlxc.dll" : "libmlxc.so";

    /// <summary>The paths to try, in order. A path without a folder is left to the system's own loader.</summary>
    /// <param name="chosen">What the program or <see cref="Variable"/> names, or null.</param>
    /// <param name="system">The operating system.</param>
    /// <param name="architecture">For example <c>arm64</c>, as in a runtime identifier.</param>
    /// <param name="programFolder">The folder of the program.</param>
    /// <param name="home">The user's folder, or null.</param>
    /// <param name="isFolder">Whether a path is a folder.</param>
    internal static IReadOnlyList<string> Candidates(
        string? chosen, OSPlatform system, string architecture, string programFolder, string? home, Func<string, bool> isFolder)
    {
        string name = FileName(system);
        if (!string.IsNullOrEmpty(chosen))
        {
            return [isFolder(chosen) ? Path.Combine(chosen, name) : chosen];
        }

        string family = system == OSPlatform.OSX ? "osx" : system == OSPlatform.Windows ? "win" : "linux";
        List<string> folders = [programFolder, Path.Combine(programFolder, "runtimes", $"{family}-{architecture}", "native")];
        if (home is not null)
        {
            folders.Add(Path.Combine(home, ".local", "lib"));
        }

        if (system == OSPlatform.OSX)
        {
            folders.AddRange(["/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"]);
        }
        else if (system == OSPlatform.Linux)
        {
            string triplet = architecture == "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
            folders.AddRange(["/usr/local/lib", $"/usr/lib/{triplet}", "/usr/lib64", "/usr/lib"]);
        }

        return [.. folders.Select(folder => Path.Combine(folder, name)), name];
    }
}
