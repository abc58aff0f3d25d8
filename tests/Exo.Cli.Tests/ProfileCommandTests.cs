using System.Text.Json;

namespace Exo.Cli.Tests;

/// <summary><c>exo profile</c>: a table and a trace file.</summary>
public sealed class ProfileCommandTests
{
    [Fact]
    public async Task Prefill_and_decode_are_shown_by_phase_and_every_step_is_in_the_trace()
    {
        string trace = Path.Combine(Path.GetTempPath(), $"exo-trace-{Guid.NewGuid():N}.json");
        try
        {
            ExoResult result = await ExoProcess.RunAsync("profile", "--prompt", "5", "--tokens", "3", "--ranks", "2", "--threads", "1", "--trace", trace);
            result.ExitCode.Should().Be(0, result.Error);
            result.Output.Should().ContainAll("Prefill, median of 1 step", "Decode, median of 3 steps", "q, k, v", "attention", "all-reduce", "head", "whole step");
            using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(trace));
            document.RootElement.GetProperty("traceEvents").EnumerateArray()
                .Count(item => item.GetProperty("name").GetString()!.StartsWith("step ", StringComparison.Ordinal))
                .Should().Be(4);
        }
        finally
        {
            File.Delete(trace);
        }
    }
}
