using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Exo.Sdk.Mlx.Native;

/// <summary>
/// Finds and loads libmlxc, once a process and path: MLX keeps its state in globals, and so it is never unloaded.
/// </summary>
internal static class MlxLibrary
{
    private static readonly ConcurrentDictionary<string, Lazy<MlxApi>> Loaded = new(StringComparer.Ordinal);

    /// <summary>Loads the library from the first place that has a usable one.</summary>
    /// <param name="chosen">The path that the program names, or null for <see cref="LibrarySearch.Variable"/> and the usual places.</param>
    /// <returns>The bound functions.</returns>
    /// <exception cref="UnavailableException">There is none; the message has every path and what was wrong with it.</exception>
    internal static MlxApi Load(string? chosen)
    {
        string? named = chosen ?? Environment.GetEnvironmentVariable(LibrarySearch.Variable);
        IReadOnlyList<string> candidates = LibrarySearch.Candidates(
            named,
            System,
            RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64",
            AppContext.BaseDirectory,
            Environment.GetEnvironmentVariable("HOME"),
            Directory.Exists);
        List<string> refusals = [];
        foreach (string path in candidates)
        {
            if (TryLoad(path, out string? refusal) is { } api)
            {
                return api;
            }

            refusals.Add($"{path}: {refusal}");
        }

        string how = System == OSPlatform.OSX
            ? "Install it with `brew install mlx-c`"
            : "MLX is meant for Macs with Apple silicon; elsewhere use the default backend (cpu), or build mlx-c for the CPU";
        string source = string.IsNullOrEmpty(named) ? "" : chosen is null ? $" ({LibrarySearch.Variable} names the only place that was tried)" : " (the program names the only place that was tried)";
        throw new UnavailableException(
            $"No usable libmlxc{source}: {string.Join("; ", refusals)}. {how}, or set {LibrarySearch.Variable} to the library's path.");
    }

    private static OSPlatform System => OperatingSystem.IsMacOS() ? OSPlatform.OSX : OperatingSystem.IsWindows() ? OSPlatform.Windows : OSPlatform.Linux;

    private static MlxApi? TryLoad(string path, out string? refusal)
    {
        bool isPath = path.AsSpan().IndexOfAny('/', '\\') >= 0;
        if (isPath && !File.Exists(path))
        {
            refusal = "no such file";
            return null;
        }

        string key = isPath ? Path.GetFullPath(path) : path;
        Lazy<MlxApi> library = Loaded.GetOrAdd(key, static path => new Lazy<MlxApi>(() => new MlxApi(NativeLibrary.Load(path), path)));
        try
        {
            refusal = null;
            return library.Value;
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException or UnavailableException)
        {
            // A later attempt may find another file there.
            Loaded.TryRemove(new KeyValuePair<string, Lazy<MlxApi>>(key, library));
            refusal = isPath ? Shorten(error.Message) : error is UnavailableException ? error.Message : "the system's loader finds none";
            return null;
        }
    }

    // The runtime's message goes on with general advice after the loader's own lines.
    private static string Shorten(string message)
    {
        string text = message.ReplaceLineEndings(" ").Trim().TrimEnd('.');
        return text.Length <= 400 ? text : text[..400] + "…";
    }
}
