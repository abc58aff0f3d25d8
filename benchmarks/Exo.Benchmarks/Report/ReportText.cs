using Exo.Benchmarks.Reporting;

namespace Exo.Benchmarks.Report;

/// <summary>A report for people, in Markdown.</summary>
/// <param name="figures">What was measured.</param>
/// <param name="rounds">How many rounds.</param>
/// <param name="machine">The machine in one line.</param>
internal sealed class ReportText(IReadOnlyList<Figure> figures, int rounds, string machine)
{
    private const string Shapes =
        "S is a random model of hidden size 2048, 16 layers, 32/8 heads of 64, 8192 channels and 32000 tokens in MLX 4 bit by 64, T one of hidden size 512, "
        + "8 layers, 8/4 heads of 64, 1536 channels and 4096 tokens. \"Exact\" keeps activations in float32, which is the default; \"int8\" is `--activations Int8`. "
        + "Ranks are processes, threads are bound to processors (ONNX Runtime's are not). Quotients are taken within a round.";

    /// <summary>The targets, then everything.</summary>
    public override string ToString() => $"{Head}\n\n{MarkdownTable.Of(Targets)}\nEverything measured:\n\n{MarkdownTable.Of(figures)}";

    /// <summary>For the README: the targets, everything else folded away.</summary>
    public string ToReadme() =>
        $"""
        ## Figures of one machine

        {Head} From

        ```bash
        dotnet run -c Release --project benchmarks/Exo.Benchmarks -- report --json FILE --readme README.md
        ```

        {Shapes}

        {MarkdownTable.Of(Targets)}
        <details><summary>Everything measured, the machine's own limits first</summary>

        {MarkdownTable.Of(figures)}
        </details>
        """;

    private string Head => $"{machine}. Medians of {rounds} rounds, every configuration in fresh processes in turn; {figures.Count(static figure => figure.Met == true)} of {Targets.Count()} targets met.";

    private IEnumerable<Figure> Targets => figures.Where(static figure => figure.Target is not null);
}
