namespace Exo.Sdk.Tests.Shared;

/// <summary>
/// A test on a model that lies beside the repository (<c>../shared/models/NAME</c>) and is not part of it. Where the
/// folder is absent the test is skipped and says so.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedModelFactAttribute : FactAttribute
{
    /// <param name="name">The model's folder name.</param>
    public SharedModelFactAttribute(string name) => Skip = SharedModels.WhyAbsent(name);
}

/// <summary>Finds the models beside the repository.</summary>
public static class SharedModels
{
    /// <summary>The folder of a model.</summary>
    /// <exception cref="DirectoryNotFoundException">It is absent.</exception>
    public static string Folder(string name) => Find(name) ?? throw new DirectoryNotFoundException(name);

    /// <summary>The folder of a model, or null where it is absent.</summary>
    public static string? Find(string name)
    {
        string folder = Path.Combine(RepositoryRoot(), "..", "shared", "models", name);
        return Directory.Exists(folder) ? Path.GetFullPath(folder) : null;
    }

    /// <summary>Why tests on a model are skipped, or null where it is there.</summary>
    public static string? WhyAbsent(string name) => Find(name) is null
        ? $"the model '{name}' is not at ../shared/models/{name} relative to the repository"
        : null;

    /// <summary>The root of the repository: the nearest folder above the built tests that holds the solution.</summary>
    public static string RepositoryRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Exo.Sdk.sln")))
            {
                return folder;
            }
        }

        throw new DirectoryNotFoundException($"no Exo.Sdk.sln above {AppContext.BaseDirectory}");
    }
}
