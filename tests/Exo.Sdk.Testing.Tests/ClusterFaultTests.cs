using System.Diagnostics;
using Exo.Sdk.Transport;
using Xunit.Abstractions;

namespace Exo.Sdk.Testing.Tests;

/// <summary>What the callers of a cluster see of a rank's fault: the way a user of this package tests a program of theirs.</summary>
public sealed class ClusterFaultTests(ITestOutputHelper output)
{
    private static readonly GenerationOptions Long = new() { Temperature = 0, MaxTokens = 200, IgnoreEndTokens = true };
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("in-process")]
    [InlineData("tcp")]
    public async Task A_rank_that_is_killed_in_the_middle_of_a_text_is_named(string transport)
    {
        FaultInjectingTransport faults = new(transport == "tcp" ? new TcpTransport() : null);
        await using Cluster cluster = await TestCluster.StartAsync(3, builder => builder.UseTransport(faults));

        // Slow enough that whoever reads along is not behind the end of the text.
        faults.Delay(1, TimeSpan.FromMilliseconds(1));
        int tokens = 0;
        Func<Task> generate = async () =>
        {
            await foreach (GeneratedToken token in cluster.GenerateAsync("Tell me a story.", Long))
            {
                if (++tokens == 5)
                {
                    faults.Kill(1);
                }
            }
        };
        PeerLostException error = await LosesAsync(generate, 1);
        output.WriteLine(error.Message);
        tokens.Should().BeInRange(5, 199);
        await LosesAsync(() => cluster.GenerateTextAsync("Hello!"), 1);
    }

    [Fact]
    public async Task A_rank_that_freezes_is_named_after_the_collective_deadline()
    {
        TimeSpan deadline = TimeSpan.FromMilliseconds(600);
        FaultInjectingTransport faults = new();
        await using Cluster cluster = await TestCluster.StartAsync(3, builder => builder.UseTransport(faults).UseCollectiveDeadline(deadline));
        await cluster.GenerateTextAsync("Hello!", Long with { MaxTokens = 3 });
        faults.Freeze(1, afterOperations: 50);
        long start = Stopwatch.GetTimestamp();
        PeerLostException error = await LosesAsync(() => cluster.GenerateTextAsync("Tell me a story.", Long), 1);
        TimeSpan noticed = Stopwatch.GetElapsedTime(start);
        output.WriteLine($"{error.Message} {noticed.TotalMilliseconds:F0} ms");
        noticed.Should().BeGreaterThan(deadline).And.BeLessThan(deadline + TimeSpan.FromSeconds(4));

        start = Stopwatch.GetTimestamp();
        await cluster.DisposeAsync();
        output.WriteLine($"disposed in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(3), "the frozen rank is told");
    }

    [Fact]
    public async Task A_slow_rank_changes_nothing_but_the_time()
    {
        await using Cluster sound = await TestCluster.StartAsync();
        GenerationOptions options = Long with { MaxTokens = 8 };
        string expected = await sound.GenerateTextAsync("Tell me a story.", options);

        FaultInjectingTransport faults = new();
        await using Cluster cluster = await TestCluster.StartAsync(2, builder => builder.UseTransport(faults));
        faults.Delay(1, TimeSpan.FromMilliseconds(3));
        long before = faults.OperationsOf(1);
        long start = Stopwatch.GetTimestamp();
        (await cluster.GenerateTextAsync("Tell me a story.", options)).Should().Be(expected);
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        long operations = faults.OperationsOf(1) - before;
        output.WriteLine($"{operations} operations in {took.TotalMilliseconds:F0} ms");
        took.Should().BeGreaterThan(TimeSpan.FromMilliseconds(2.5 * (operations - 10)));
    }

    [Fact]
    public async Task A_rank_that_stops_for_a_moment_changes_nothing_at_all()
    {
        await using Cluster sound = await TestCluster.StartAsync();
        GenerationOptions options = Long with { MaxTokens = 20 };
        string expected = await sound.GenerateTextAsync("Tell me a story.", options);

        FaultInjectingTransport faults = new();
        await using Cluster cluster = await TestCluster.StartAsync(2, builder => builder.UseTransport(faults));
        faults.Freeze(1, afterOperations: 100);
        Task<string> text = cluster.GenerateTextAsync("Tell me a story.", options);
        (await Task.WhenAny(text, Task.Delay(300))).Should().NotBeSameAs(text, "rank 1 is frozen");
        faults.Thaw(1);
        (await text.WaitAsync(Limit)).Should().Be(expected);
    }

    private static async Task<PeerLostException> LosesAsync(Func<Task> act, int rank)
    {
        PeerLostException error = (await FluentActions.Awaiting(() => act().WaitAsync(Limit)).Should().ThrowAsync<PeerLostException>()).Which;
        error.LostRank.Should().Be(rank);
        return error;
    }
}
