using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Exo.Sdk.Testing;
using Xunit.Abstractions;

namespace Exo.Cli.Tests;

/// <summary>However <c>exo run</c> ends, nothing of it stays behind.</summary>
public sealed class EndTests(EndTests.LongTexts model, ITestOutputHelper output) : IClassFixture<EndTests.LongTexts>
{
    private static readonly TimeSpan Seconds = TimeSpan.FromSeconds(5);

    private string[] EndlessRun(int ranks) =>
    [
        "run", "--model", model.Folder, "--raw", "", "--temperature", "1", "--seed", "1", "--ignore-end", "--max-tokens", "19000",
        "--threads", "1", "--ranks", $"{ranks}", "--processes",
    ];

    [LinuxFact]
    public async Task Ctrl_C_ends_a_run_with_130_and_leaves_no_child()
    {
        using ExoProcess run = ExoProcess.Start(EndlessRun(3));
        await run.FirstOutputAsync();
        run.Family().Should().HaveCount(3);
        await InterruptAsync(run);
    }

    [LinuxFact]
    public async Task SIGTERM_ends_a_run_with_143_and_leaves_no_child()
    {
        using ExoProcess run = ExoProcess.Start(EndlessRun(3));
        await run.FirstOutputAsync();
        await InterruptAsync(run, Signals.Terminate, 143);
    }

    [LinuxFact]
    public async Task SIGTERM_stops_a_node_as_an_interrupt_does()
    {
        TaskCompletionSource listens = new();
        using ExoProcess node = ExoProcess.Start(["node", "--listen", "127.0.0.1:0"], onErrorLine: _ => listens.TrySetResult());
        await listens.Task.WaitAsync(ExoProcess.Limit);
        Signals.Send(node.Id, Signals.Terminate);
        (await node.EndAsync()).ExitCode.Should().Be(0);
    }

    /// <summary>By default it is lost after 1.2 s.</summary>
    [LinuxFact]
    public async Task A_longer_heartbeat_timeout_bears_a_longer_pause()
    {
        using ExoProcess run = ExoProcess.Start([.. EndlessRun(2), "--heartbeat-timeout", "20"]);
        await run.FirstOutputAsync();
        int child = run.Family().Single(id => id != run.Id);
        Signals.Send(child, Signals.Stop);
        await Task.Delay(TimeSpan.FromSeconds(3));
        Signals.Send(child, Signals.Continue);
        await Task.Delay(TimeSpan.FromSeconds(0.5));
        run.Family().Should().HaveCount(2);
        await InterruptAsync(run);
    }

    [Fact]
    public async Task A_node_that_never_answers_is_given_up_after_the_connect_timeout()
    {
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();
        long start = Stopwatch.GetTimestamp();
        ExoResult result = await ExoProcess.RunAsync("run", "--raw", "x", "--node", $"{silent.LocalEndpoint}", "--connect-timeout", "0.5");
        result.ExitCode.Should().Be(1);
        result.Error.Should().Contain($"{silent.LocalEndpoint}");
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(5), "the default is ten seconds");
    }

    [LinuxFact]
    public async Task Ctrl_C_on_a_terminal_goes_to_the_children_too_and_ends_the_same_way()
    {
        using ExoProcess run = ExoProcess.Start(EndlessRun(3));
        await run.FirstOutputAsync();
        foreach (int child in run.Family().Where(id => id != run.Id))
        {
            Signals.Send(child, Signals.Interrupt);
        }

        // A child that ended by itself would be gone, and told of as a lost rank, by now.
        await Task.Delay(TimeSpan.FromSeconds(0.5));
        run.Family().Should().HaveCount(3);
        await InterruptAsync(run);
    }

    [LinuxFact]
    public async Task Ctrl_C_ends_the_wait_for_standard_input()
    {
        using ExoProcess run = ExoProcess.Start(["run"], keepInputOpen: true);
        await Task.Delay(TimeSpan.FromSeconds(1.5));
        await InterruptAsync(run);
    }

    [LinuxFact]
    public async Task When_the_host_is_killed_in_the_middle_of_a_text_its_ranks_end_by_themselves()
    {
        using ExoProcess run = ExoProcess.Start(EndlessRun(3));
        await run.FirstOutputAsync();
        run.Family().Should().HaveCount(3);
        Signals.Send(run.Id, Signals.Kill);
        TimeSpan gone = await run.AllGoneAsync(Seconds);
        output.WriteLine($"gone after {gone.TotalMilliseconds:F0} ms");
    }

    /// <summary>From the birth of the children through their handshake and loading to the first token.</summary>
    [LinuxFact]
    public async Task When_the_host_is_killed_at_any_moment_of_its_start_its_ranks_end_by_themselves()
    {
        const int Moments = 8;
        TimeSpan start;
        using (ExoProcess whole = ExoProcess.Start(EndlessRun(3)))
        {
            await ChildrenAsync(whole);
            long born = Stopwatch.GetTimestamp();
            await whole.FirstOutputAsync();
            start = Stopwatch.GetElapsedTime(born);
        }

        for (int moment = 0; moment < Moments; moment++)
        {
            using ExoProcess run = ExoProcess.Start(EndlessRun(3));
            await ChildrenAsync(run);
            await Task.Delay(start * moment / Moments);
            Signals.Send(run.Id, Signals.Kill);
            TimeSpan gone = await run.AllGoneAsync(Seconds);
            output.WriteLine($"killed {(start * moment / Moments).TotalMilliseconds:F0} ms after the first child's birth: gone after {gone.TotalMilliseconds:F0} ms");
        }
    }

    private static async Task ChildrenAsync(ExoProcess run)
    {
        long start = Stopwatch.GetTimestamp();
        while (run.Family().Length < 2)
        {
            Stopwatch.GetElapsedTime(start).Should().BeLessThan(ExoProcess.Limit);
            await Task.Delay(1);
        }
    }

    private async Task InterruptAsync(ExoProcess run, int signal = Signals.Interrupt, int exitCode = 130)
    {
        long start = Stopwatch.GetTimestamp();
        Signals.Send(run.Id, signal);
        ExoResult result = await run.EndAsync();
        output.WriteLine($"ended after {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        result.ExitCode.Should().Be(exitCode);
        result.Error.Should().BeEmpty();
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(1.9), "it is not the last resort of two seconds that ends it");
        run.Family().Should().BeEmpty("the run waits for its children");
    }

    /// <summary>A model whose texts last longer than a test.</summary>
    public sealed class LongTexts : IDisposable
    {
        public LongTexts() => RandomModel.Write(Folder, new RandomModelOptions { MaxContextLength = 20_000 });

        public string Folder { get; } = Directory.CreateTempSubdirectory("exo-cli-").FullName;

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
