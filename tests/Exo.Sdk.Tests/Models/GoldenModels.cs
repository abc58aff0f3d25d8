namespace Exo.Sdk.Tests.Models;

/// <summary>The small random models under <c>tests/golden/models</c>, see the README there.</summary>
internal static class GoldenModels
{
    public static string Folder { get; } = Find();

    public static IEnumerable<string> Names => Directory.GetDirectories(Folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal);

    public static string PathOf(string name) => Path.Combine(Folder, name);

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "golden", "models");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        throw new DirectoryNotFoundException("tests/golden/models is not above the test's folder.");
    }
}
