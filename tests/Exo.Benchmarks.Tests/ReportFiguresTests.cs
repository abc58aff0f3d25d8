using System.Text.Json;
using Exo.Benchmarks.Measurement;
using Exo.Benchmarks.Report;
using Exo.Benchmarks.Reporting;
using Exo.Sdk;

namespace Exo.Benchmarks.Tests;

/// <summary>From rounds to figures, and from figures to files.</summary>
public sealed class ReportFiguresTests
{
    private static readonly ShapeFacts S = new("S", BytesPerToken: 500_000_000, ProductsPerToken: 1_000_000_000);
    private static readonly ShapeFacts T = new("T", BytesPerToken: 10_000_000, ProductsPerToken: 20_000_000);

    [Fact]
    public void Every_row_of_the_table_of_targets_is_there()
    {
        IReadOnlyList<Figure> figures = Make(Round(1), Round(1), Round(1));
        Target("memory read, 1 thread", "decode S").Should().OnlyContain(figure => figure.Target == 0.6).And.HaveCount(2);
        Target("memory read, 2 threads", "decode S").Should().OnlyContain(figure => figure.Target == 0.75).And.HaveCount(2);
        Target("2 ranks × 1 thread ÷ 1 rank", "decode S").Should().OnlyContain(figure => figure.Target == 1.85).And.HaveCount(2);
        Target("2 ranks ÷ 1 rank", "decode T").Should().OnlyContain(figure => figure.Target == 1.3).And.HaveCount(2);
        Target("TCP, 16 KiB", "all-reduce").Should().ContainSingle().Which.Target.Should().Be(24);
        Target("shared memory, 16 KiB", "all-reduce").Should().ContainSingle().Which.Target.Should().Be(14);
        Target("÷ ONNX Runtime", "prefill").Should().OnlyContain(figure => figure.Target == 1.3).And.HaveCount(8);
        Target("scaled: 33", "decode S, 2 ranks").Should().OnlyContain(figure => Math.Abs(figure.Target!.Value - (20 * 33.0 / 21)) < 1e-9).And.HaveCount(2);
        Target("rank memory ÷ shard", "").Should().OnlyContain(figure => figure.Target == 1.1).And.HaveCount(3);
        Target("÷ read from the page cache", "load S").Should().OnlyContain(figure => figure.Target == 1.5).And.HaveCount(4);
        Target("bytes allocated per decoded token", "").Should().OnlyContain(figure => figure.Target == 0).And.HaveCount(2);
        figures.Select(figure => figure.Name).Should().OnlyHaveUniqueItems();

        IEnumerable<Figure> Target(string part, string beginning) => figures.Where(figure =>
            figure.Target is not null && figure.Name.Contains(part, StringComparison.Ordinal) && figure.Name.StartsWith(beginning, StringComparison.Ordinal));
    }

    [Fact]
    public void Quotients_hold_when_the_machine_slows_down()
    {
        IReadOnlyList<Figure> figures = Make(Round(1), Round(0.5), Round(0.7));
        Figure share = figures.Single(figure => figure.Name == "decode S, 1 rank × 1 thread, exact: weight bytes/s ÷ memory read, 1 thread");
        share.Value.Should().BeApproximately(30 * 0.5e9 / 20e9, 1e-9);
        share.Met.Should().BeTrue();
        figures.Single(figure => figure.Name == "bandwidth ceiling of a pair: memory read, 2 threads ÷ 1 thread").Value.Should().BeApproximately(1.5, 1e-9);
        Figure speed = figures.Single(figure => figure.Name == "decode S, 1 rank × 1 thread, exact");
        speed.Value.Should().BeApproximately(21, 1e-9);
        speed.Spread.Should().Be((15d, 30d));
        figures.Single(figure => figure.Name == "prefill 512 S, 1 rank × 1 thread, exact: share of the float32 peak, 1 thread")
            .Value.Should().BeApproximately(80 * 2e9 / 200e9, 1e-9);
    }

    [Fact]
    public void Json_is_an_array_of_name_value_unit_target_and_met()
    {
        using JsonDocument document = JsonDocument.Parse(Figure.ToJson([Figure.AtMost("a ÷ b", new Samples(1, 2, 3), "×", 1.5), new Figure("c", 4, "µs")]));
        document.RootElement.EnumerateArray().Should().HaveCount(2);
        foreach (JsonElement figure in document.RootElement.EnumerateArray())
        {
            figure.EnumerateObject().Select(property => property.Name).Should().Equal("name", "value", "unit", "target", "met");
        }

        JsonElement first = document.RootElement[0];
        first.GetProperty("name").GetString().Should().Be("a ÷ b");
        first.GetProperty("value").GetDouble().Should().Be(2);
        first.GetProperty("met").GetBoolean().Should().BeFalse();
        document.RootElement[1].GetProperty("target").ValueKind.Should().Be(JsonValueKind.Null);
        document.RootElement[1].GetProperty("met").ValueKind.Should().Be(JsonValueKind.Null);
    }

    [Fact]
    public void The_readme_keeps_everything_outside_the_marks()
    {
        string readme = $"before\n{ReadmeSection.Begin}\nold\n{ReadmeSection.End}\nafter\n";
        string section = new ReportText(Make(Round(1)), 1, "a machine").ToReadme();
        string replaced = ReadmeSection.Replace(readme, section);
        replaced.Should().StartWith($"before\n{ReadmeSection.Begin}\n").And.EndWith($"{ReadmeSection.End}\nafter\n");
        replaced.Should().NotContain("old").And.Contain("a machine").And.Contain("| decode S, ");
        ReadmeSection.Replace(replaced, section).Should().Be(replaced);
        FluentActions.Invoking(() => ReadmeSection.Replace("nothing", section)).Should().Throw<FormatException>();
    }

    private static IReadOnlyList<Figure> Make(params ReportRound[] rounds) =>
        new ReportFigures(rounds, S, T).Make(Result(4, 1), new Allocations([0, 16], 200));

    /// <summary>A round on a machine at a share of its speed.</summary>
    private static ReportRound Round(double pace)
    {
        MachineLimits[] limits = [new(1, 20e9 * pace, 200e9 * pace, 400e9 * pace), new(2, 30e9 * pace, 400e9 * pace, 800e9 * pace)];
        Dictionary<Configuration, GenerationResult> results = [];
        foreach (ActivationPrecision activations in ReportRound.Precisions)
        {
            results[ReportRound.Own(1, 1, activations)] = Result(1, 30 * pace);
            results[ReportRound.Own(1, 2, activations)] = Result(1, 50 * pace);
            results[ReportRound.Own(2, 1, activations)] = Result(2, 52 * pace);
        }

        results[ReportRound.Baseline(1)] = Result(1, 20 * pace);
        results[ReportRound.Baseline(2)] = Result(1, 36 * pace);
        return new ReportRound(
            limits, 0.1, 0.2, results, results, ReportRound.Wires.ToDictionary(wires => wires, _ => (IReadOnlyList<double>)[.. AllReduceRun.Sizes.Select(size => size / 1e3)]));
    }

    private static GenerationResult Result(int ranks, double decode) => new(
        0.2,
        0.5,
        "tcp",
        [new GenerationSpeed(new Workload(128, 48), 90, decode), new GenerationSpeed(new Workload(512, 1), decode / 30 * 80, 0)],
        [.. Enumerable.Range(0, ranks).Select(_ => new RankResidence(600_000_000 / ranks, 700_000_000 / ranks, 20_000_000))]);
}
