using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Exo.Sdk;

/// <summary>
/// Where exo-tiny lies: a Llama-family chat model of 2.2 million parameters, trained by this project on text of its own.
/// Referencing the package or the project puts it beside the program, in <c>exo-models</c>.
/// </summary>
/// <remarks>Thread-safe. Nothing is cached: each call looks at the disk.</remarks>
public static class TinyModel
{
    /// <summary>The model folder with bfloat16 weights.</summary>
    /// <exception cref="DirectoryNotFoundException">It is in none of the places named in the message.</exception>
    public static string Path => Find("exo-tiny", Candidates());

    /// <summary>The same model quantized to 4 bits in MLX's affine format, in groups of 64.</summary>
    /// <inheritdoc cref="Path" path="/exception"/>
    public static string Path4Bit => Find("exo-tiny-4bit", Candidates());

    internal static string Find(string name, IEnumerable<string> programFolders)
    {
        var tried = programFolders.Select(folder => System.IO.Path.Combine(folder, "exo-models", name)).Distinct().ToList();
        return tried.Find(folder => File.Exists(System.IO.Path.Combine(folder, "config.json"))) ?? throw new DirectoryNotFoundException(
            $"The model {name} (a folder with a config.json) is in none of: {string.Join(", ", tried)}. " +
            "It is copied there when a program that references Exo.Sdk.TinyModel is built or published.");
    }

    // A plug-in's folder is not its host's; a single-file program has no assembly files, only a base directory.
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "An empty location is skipped.")]
    private static IEnumerable<string> Candidates()
    {
        if (System.IO.Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location) is { Length: > 0 } beside)
        {
            yield return beside;
        }
        yield return AppContext.BaseDirectory.TrimEnd(System.IO.Path.DirectorySeparatorChar);
    }
}
