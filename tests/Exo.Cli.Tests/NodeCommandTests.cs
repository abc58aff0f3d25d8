using System.Text.RegularExpressions;

namespace Exo.Cli.Tests;

/// <summary><c>exo node</c> with <c>exo run --node</c>, over loopback.</summary>
public sealed class NodeCommandTests
{
    [LinuxFact]
    public async Task A_run_with_a_node_writes_the_same_text_and_the_node_serves_the_next_one()
    {
        string[] run = ["run", "--raw", "Once upon", "--temperature", "0", "--max-tokens", "12", "--threads", "1"];
        ExoResult alone = await ExoProcess.RunAsync(run);
        TaskCompletionSource<string> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ExoProcess node = ExoProcess.Start(["node", "--listen", "127.0.0.1:0"], onErrorLine: line =>
        {
            if (Regex.Match(line, @"listens on (\S+:\d+)") is { Success: true } match)
            {
                listening.TrySetResult(match.Groups[1].Value);
            }
        });
        string endpoint = await listening.Task.WaitAsync(ExoProcess.Limit);
        for (int round = 0; round < 2; round++)
        {
            ExoResult both = await ExoProcess.RunAsync([.. run, "--node", endpoint]);
            both.ExitCode.Should().Be(0, both.Error);
            both.Output.Should().Be(alone.Output).And.NotBeEmpty();
            both.Error.Should().Contain("[2 ranks over tcp, ");
        }

        Signals.Send(node.Id, Signals.Interrupt);
        ExoResult ended = await node.EndAsync();
        ended.ExitCode.Should().Be(0, "an interrupt is how a node is stopped");
        ended.Output.Should().BeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("fifteen letters\n")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task A_weak_key_is_refused_on_both_sides(string key)
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, key);
            ExoResult node = await ExoProcess.RunAsync("node", "--listen", "127.0.0.1:0", "--cluster-key-file", file);
            ExoResult run = await ExoProcess.RunAsync("run", "--raw", "x", "--node", "127.0.0.1:1", "--cluster-key-file", file);
            foreach (ExoResult result in new[] { node, run })
            {
                result.ExitCode.Should().NotBe(0);
                result.Error.Should().Contain("The cluster key of").And.Contain(file);
                result.Output.Should().BeEmpty();
            }
        }
        finally
        {
            File.Delete(file);
        }
    }
}
