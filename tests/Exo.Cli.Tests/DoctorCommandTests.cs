using System.Text.Json;

namespace Exo.Cli.Tests;

/// <summary><c>exo doctor</c> on the machine of the test.</summary>
public sealed class DoctorCommandTests
{
    [Fact]
    public async Task Every_backend_and_transport_is_explained()
    {
        ExoResult result = await ExoProcess.RunAsync("doctor");
        result.ExitCode.Should().Be(0, result.Error);
        result.Error.Should().BeEmpty();
        result.Output.Should().ContainAll("cpu           yes", "mlx", "in-process    yes", "shared-memory", "tcp", "rdma");
    }

    [Fact]
    public async Task Facts_from_elsewhere_steer_no_terminal()
    {
        string path = Path.GetTempFileName();
        string facts = (await ExoProcess.RunAsync("doctor", "--facts")).Output;
        facts.Should().Contain("registers of");
        await File.WriteAllTextAsync(path, facts.Replace("registers of", "\\u001b[2J\\u009b2J", StringComparison.Ordinal));

        ExoResult result = await ExoProcess.RunAsync("doctor", "--from", path);

        result.ExitCode.Should().Be(0, result.Error);
        result.Output.Should().Contain("\\u001b[2J\\u009b2J").And.NotMatchRegex("[\u001b\u009b]");
        File.Delete(path);
    }

    [Fact]
    public async Task The_report_is_the_same_for_programs_and_from_facts()
    {
        string path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, (await ExoProcess.RunAsync("doctor", "--facts")).Output);

        ExoResult here = await ExoProcess.RunAsync("doctor", "--json");
        ExoResult there = await ExoProcess.RunAsync("doctor", "--json", "--from", path);

        Names(there.Output).Should().Equal(Names(here.Output)).And.Contain("cpu:Usable");
        File.Delete(path);

        static string[] Names(string json)
        {
            using JsonDocument report = JsonDocument.Parse(json);
            return [.. new[] { "backends", "transports" }.SelectMany(part => report.RootElement.GetProperty(part).EnumerateArray())
                .Select(finding => $"{finding.GetProperty("subject").GetString()}:{finding.GetProperty("verdict").GetString()}")];
        }
    }
}
