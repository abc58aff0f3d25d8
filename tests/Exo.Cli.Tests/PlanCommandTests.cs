namespace Exo.Cli.Tests;

/// <summary><c>exo plan</c>: how a model would be divided.</summary>
public sealed class PlanCommandTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Every_rank_is_shown(int ranks)
    {
        ExoResult result = await ExoProcess.RunAsync("plan", "--ranks", $"{ranks}");
        result.ExitCode.Should().Be(0, result.Error);
        result.Error.Should().BeEmpty();
        for (int rank = 0; rank < ranks; rank++)
        {
            result.Output.Should().Contain($"rank {rank}");
        }

        result.Output.Should().NotContain($"rank {ranks}");
    }

    [Fact]
    public async Task A_plan_that_cannot_be_is_refused_with_the_reason()
    {
        ExoResult result = await ExoProcess.RunAsync("plan", "--ranks", "2", "--memory", "0.0001");
        result.ExitCode.Should().Be(1);
        result.Output.Should().BeEmpty();
        result.Error.Should().StartWith("exo: ").And.Contain("cannot be placed");
    }
}
