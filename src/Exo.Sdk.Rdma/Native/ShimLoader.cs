using System.Reflection;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Rdma.Native;

/// <summary>Finds the native library beside this assembly, and says where it looked.</summary>
internal static class ShimLoader
{
    /// <summary>The name that the imports use.</summary>
    public const string LibraryName = "exo_rdma";

    private static readonly Lazy<(nint Handle, string Report)> Loaded = new(Load);

    /// <summary>Why the library cannot be used, or null where it can.</summary>
    /// <returns>The reason with the paths tried.</returns>
    public static string? WhyAbsent()
    {
        if (OperatingSystem.IsWindows())
        {
            return "RDMA verbs exist on Linux and macOS; use TCP on Windows.";
        }

        if (Loaded.Value.Handle == 0)
        {
            return $"The native library exo_rdma was not found. Tried: {Loaded.Value.Report}. "
                + "Use a package that holds it for this platform, or build it with eng/build-native.sh.";
        }

        uint version = Shim.GetAbiVersion();
        return version == Shim.AbiVersion
            ? null
            : $"The native library {Loaded.Value.Report} has interface version {version}, expected {Shim.AbiVersion}: it belongs to another release.";
    }

    /// <summary>Makes the imports of this assembly find the library.</summary>
    public static void Register() => NativeLibrary.SetDllImportResolver(
        typeof(ShimLoader).Assembly,
        (name, _, _) => name == LibraryName ? Loaded.Value.Handle : 0);

    private static (nint Handle, string Report) Load()
    {
        string file = OperatingSystem.IsMacOS() ? "libexo_rdma.dylib" : "libexo_rdma.so";
        string system = OperatingSystem.IsMacOS() ? "osx" : "linux";
        string processor = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64";
        string[] candidates =
        [
            Path.Combine(AppContext.BaseDirectory, "runtimes", $"{system}-{processor}", "native", file),
            Path.Combine(AppContext.BaseDirectory, file),
        ];
        foreach (string path in candidates)
        {
            if (File.Exists(path) && NativeLibrary.TryLoad(path, out nint handle))
            {
                return (handle, path);
            }
        }

        // Where the host knows of packages and single files.
        return NativeLibrary.TryLoad(LibraryName, Assembly.GetExecutingAssembly(), null, out nint found)
            ? (found, LibraryName)
            : (0, string.Join(", ", candidates) + $", and {LibraryName} by the system's own search");
    }
}
