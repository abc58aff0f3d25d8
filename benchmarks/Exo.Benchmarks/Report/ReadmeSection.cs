namespace Exo.Benchmarks.Report;

/// <summary>The part of a README that is generated.</summary>
internal static class ReadmeSection
{
    public const string Begin = "<!-- figures -->";
    public const string End = "<!-- end of figures -->";

    /// <summary>Replaces what stands between the marks; everything else stays.</summary>
    /// <param name="readme">The file's text.</param>
    /// <param name="section">What is to stand there.</param>
    /// <returns>The new text.</returns>
    /// <exception cref="FormatException">A mark is missing.</exception>
    public static string Replace(string readme, string section)
    {
        int begin = readme.IndexOf(Begin, StringComparison.Ordinal);
        int end = begin < 0 ? -1 : readme.IndexOf(End, begin, StringComparison.Ordinal);
        return end < 0
            ? throw new FormatException($"The text has no line '{Begin}' with a line '{End}' after it; put them where the figures belong.")
            : $"{readme[..(begin + Begin.Length)]}\n\n{section.Trim()}\n\n{readme[end..]}";
    }
}
