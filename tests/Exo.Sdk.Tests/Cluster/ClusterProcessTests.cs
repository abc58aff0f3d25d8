using System.Diagnostics;
using Xunit.Abstractions;

namespace Exo.Sdk.Tests.Cluster;

/// <summary>Ranks in child processes of this test host: the same text, and what happens when one dies or hangs.</summary>
[Collection(ProcessCollection.Name)]
public sealed class ClusterProcessTests(ITestOutputHelper output)
{
    private static readonly GenerationOptions Endless = new() { Temperature = 0, MaxTokens = 100_000, IgnoreEndTokens = true };
    private static readonly TimeSpan LossDeadline = TimeSpan.FromSeconds(2);

    private static Task<Sdk.Cluster> StartAsync(int ranks, RankHosting hosting = RankHosting.ChildProcess) => new ClusterBuilder()
        .UseModel(TinyModel.Path)
        .UseLocalRanks(ranks, hosting)
        .UseThreadsPerRank(1)
        .BuildAsync();

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Processes_say_what_one_rank_says(int ranks)
    {
        GenerationOptions options = Endless with { MaxTokens = 30 };
        await using Sdk.Cluster one = await StartAsync(1);
        await using Sdk.Cluster many = await StartAsync(ranks);
        many.Transport.Should().Be("shared-memory");
        many.TransportReason.Should().Contain("processes of this machine");
        IReadOnlyList<RankStatus> status = await many.GetRankStatusAsync();
        status.Select(rank => rank.Memory.ProcessId).Should().OnlyHaveUniqueItems().And.HaveCount(ranks);
        (await many.GenerateTextAsync("Tell me a story.", options)).Should().Be(await one.GenerateTextAsync("Tell me a story.", options));
    }

    [Theory]
    [InlineData(WirePrecision.BFloat16, 0.02)]
    [InlineData(WirePrecision.Int8Blocks, 0.08)]
    public async Task Reduced_precision_on_the_wire_moves_the_logits_a_little(WirePrecision precision, double most)
    {
        await using Sdk.Cluster exact = await StartAsync(2);
        await using Sdk.Cluster reduced = await new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(2, RankHosting.ChildProcess)
            .UseThreadsPerRank(1)
            .UseWirePrecision(precision)
            .BuildAsync();
        reduced.WirePrecision.Should().Be(precision);
        int[] prompt = exact.Tokenize("Tell me a story.");
        float[] expected = await exact.ComputeLogitsAsync(prompt);
        float[] logits = await reduced.ComputeLogitsAsync(prompt);
        double error = Math.Sqrt(logits.Zip(expected, (one, other) => Math.Pow(one - other, 2)).Sum() / expected.Sum(value => Math.Pow(value, 2)));
        output.WriteLine($"{precision}: {error:E2} of the logits' root mean square");
        error.Should().BeInRange(1e-6, most);
    }

    [Fact]
    public async Task A_killed_rank_is_an_error_within_two_seconds_and_nothing_is_left()
    {
        await using Sdk.Cluster cluster = await StartAsync(3);
        (PeerLostException error, TimeSpan delay, int[] children) = await LoseRankAsync(cluster, 2, Signals.Kill);
        output.WriteLine($"kill: {delay.TotalMilliseconds:F0} ms, {error.Message}");
        error.LostRank.Should().Be(2);
        delay.Should().BeLessThan(LossDeadline);
        await AssertGoneAsync(children);

        Func<Task> again = () => cluster.GenerateTextAsync("Hello!");
        (await again.Should().ThrowAsync<PeerLostException>()).Which.LostRank.Should().Be(2);
        (await cluster.Faulted).Should().BeOfType<PeerLostException>();
    }

    [Fact]
    public async Task A_frozen_rank_is_an_error_within_two_seconds_and_nothing_is_left()
    {
        await using Sdk.Cluster cluster = await StartAsync(3);
        (PeerLostException error, TimeSpan delay, int[] children) = await LoseRankAsync(cluster, 1, Signals.Stop);
        output.WriteLine($"freeze: {delay.TotalMilliseconds:F0} ms, {error.Message}");
        error.LostRank.Should().Be(1);
        delay.Should().BeLessThan(LossDeadline);
        await cluster.DisposeAsync();
        await AssertGoneAsync(children);
    }

    [Fact]
    public async Task A_rank_that_dies_while_idle_is_noticed_without_a_call()
    {
        await using Sdk.Cluster cluster = await StartAsync(2);
        int child = (await cluster.GetRankStatusAsync())[1].Memory.ProcessId;
        Signals.Send(child, Signals.Kill);
        Exception fault = await cluster.Faulted.WaitAsync(TimeSpan.FromSeconds(5));
        fault.Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(1);
    }

    [Fact]
    public async Task Disposing_leaves_no_process_thread_or_socket()
    {
        await using (Sdk.Cluster warm = await StartAsync(2))
        {
            await warm.GenerateTextAsync("Hello!", Endless with { MaxTokens = 3 });
        }

        int sockets = CountSockets();
        List<int> children = [];
        for (int i = 0; i < 3; i++)
        {
            await using Sdk.Cluster cluster = await StartAsync(3);
            children.AddRange((await cluster.GetRankStatusAsync()).Skip(1).Select(rank => rank.Memory.ProcessId));
            await cluster.GenerateTextAsync("Hello!", Endless with { MaxTokens = 3 });
        }

        await AssertGoneAsync([.. children]);
        CountSockets().Should().BeLessThanOrEqualTo(sockets);
        CountExoThreads().Should().Be(0);
    }

    [Fact]
    public async Task Cancelling_the_start_leaves_nothing()
    {
        using CancellationTokenSource cancellation = new();
        Task<Sdk.Cluster> starting = new ClusterBuilder()
            .UseModel(TinyModel.Path)
            .UseLocalRanks(3, RankHosting.ChildProcess)
            .ReportProgress(new CancelAt(ClusterStage.StartingNodes, cancellation))
            .BuildAsync(cancellation.Token);
        await FluentActions.Awaiting(() => starting).Should().ThrowAsync<OperationCanceledException>();
        ChildrenOfThisProcess().Should().BeEmpty();
    }

    private static async Task<(PeerLostException Error, TimeSpan Delay, int[] Children)> LoseRankAsync(Sdk.Cluster cluster, int rank, int signal)
    {
        int[] children = [.. (await cluster.GetRankStatusAsync()).Skip(1).Select(status => status.Memory.ProcessId)];
        long at = 0;
        int tokens = 0;
        try
        {
            // Long texts end with the context; start again until the loss is noticed.
            while (true)
            {
                await foreach (GeneratedToken token in cluster.GenerateAsync("Tell me a story.", Endless))
                {
                    if (++tokens == 5)
                    {
                        at = Stopwatch.GetTimestamp();
                        Signals.Send(children[rank - 1], signal);
                    }
                }
            }
        }
        catch (PeerLostException error)
        {
            return (error, Stopwatch.GetElapsedTime(at), children);
        }
    }

    private static async Task AssertGoneAsync(int[] processes)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(10));
        while (processes.Any(Signals.IsAlive))
        {
            limit.IsCancellationRequested.Should().BeFalse($"processes {string.Join(", ", processes.Where(Signals.IsAlive))} should end");
            await Task.Delay(20);
        }
    }

    private static int CountSockets() => Directory.GetFiles("/proc/self/fd").Count(fd =>
        new FileInfo(fd).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    private static int CountExoThreads() => Directory.GetDirectories("/proc/self/task").Count(task =>
        File.ReadAllText(Path.Combine(task, "comm")).StartsWith("exo ", StringComparison.Ordinal));

    private static IEnumerable<int> ChildrenOfThisProcess() => Process.GetProcesses()
        .Where(process => Signals.IsAlive(process.Id) && ParentOf(process.Id) == Environment.ProcessId)
        .Select(process => process.Id);

    private static int ParentOf(int process)
    {
        try
        {
            string text = File.ReadAllText($"/proc/{process}/stat");
            return int.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[1]);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private sealed class CancelAt(ClusterStage stage, CancellationTokenSource cancellation) : IProgress<ClusterProgress>
    {
        public void Report(ClusterProgress value)
        {
            if (value.Stage == stage)
            {
                cancellation.Cancel();
            }
        }
    }
}
