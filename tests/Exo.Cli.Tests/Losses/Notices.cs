using Xunit.Abstractions;

namespace Exo.Cli.Tests.Losses;

/// <summary>What was measured in each phase, and what went wrong.</summary>
internal sealed class Notices(ITestOutputHelper output)
{
    private readonly List<(LossRound Round, TimeSpan Noticed)> _noticed = [];
    private readonly List<string> _failures = [];

    public void Add(LossRound round, TimeSpan noticed, string what)
    {
        _noticed.Add((round, noticed));
        output.WriteLine($"{round}: {noticed.TotalMilliseconds:F0} ms; {what}");
    }

    public void Fail(LossRound round, Exception error)
    {
        _failures.Add($"{round}: {error.Message}");
        output.WriteLine($"{round}: FAILED: {error}");
    }

    /// <summary>Prints the longest of each phase, and fails if any round did.</summary>
    public void Conclude()
    {
        foreach (var group in _noticed.GroupBy(static notice => (notice.Round.Phase, notice.Round.Freezes)).OrderBy(static group => group.Key))
        {
            output.WriteLine(
                $"{group.Key.Phase}, {(group.Key.Freezes ? "freeze" : "kill")}: at most {group.Max(static notice => notice.Noticed).TotalMilliseconds:F0} ms in {group.Count()} rounds");
        }

        _failures.Should().BeEmpty();
    }
}
