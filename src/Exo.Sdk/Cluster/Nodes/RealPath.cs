namespace Exo.Sdk.Nodes;

/// <summary>Paths with every link on the way resolved, so that it can be said what lies where.</summary>
internal static class RealPath
{
    private const int MostLinks = 40;

    private static readonly StringComparison Comparison =
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    /// <summary>The real path of a folder.</summary>
    /// <param name="path">An absolute path.</param>
    /// <returns>The path, or null where there is no such folder or its links lead nowhere.</returns>
    public static string? Of(string path)
    {
        try
        {
            int links = MostLinks;
            string? real = Resolve(Path.GetFullPath(path), ref links);
            return real is not null && Directory.Exists(real) ? real : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Whether a real path is another or lies inside it.</summary>
    public static bool IsBelow(string path, string top)
    {
        string folder = Path.TrimEndingDirectorySeparator(top);
        return path.StartsWith(folder, Comparison)
            && (path.Length == folder.Length || path[folder.Length] == Path.DirectorySeparatorChar || Path.EndsInDirectorySeparator(folder));
    }

    private static string? Resolve(string path, ref int links)
    {
        string root = Path.GetPathRoot(path)!;
        string real = root;
        foreach (string part in path[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            string next = Path.Combine(real, part);
            if (new DirectoryInfo(next).LinkTarget is { } target)
            {
                if (--links < 0 || Resolve(Path.GetFullPath(Path.Combine(real, target)), ref links) is not { } resolved)
                {
                    return null;
                }

                next = resolved;
            }

            real = next;
        }

        return real;
    }
}
