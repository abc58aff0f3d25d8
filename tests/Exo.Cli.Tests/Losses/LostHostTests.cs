using System.Collections.Concurrent;
using System.Diagnostics;
using Xunit.Abstractions;

namespace Exo.Cli.Tests.Losses;

/// <summary>Hosts that are killed or frozen at random moments of their cluster's life: their nodes are free for the next one.</summary>
public sealed class LostHostTests(Fleet fleet, ITestOutputHelper output) : IClassFixture<Fleet>
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    [LinuxFact]
    public async Task A_lost_host_frees_its_nodes_within_two_seconds_and_nothing_is_left()
    {
        Notices notices = new(output);
        TimeSpan start = await fleet.ServeAsync(2, 2);
        output.WriteLine($"seed {Fleet.Seed}; a start takes {start.TotalMilliseconds:F0} ms");
        for (int number = 0; number < Fleet.Rounds; number++)
        {
            LossRound round = LossRound.Of(Fleet.Seed + 1, number);
            string[] segments = Remains.Segments();
            try
            {
                (TimeSpan noticed, string what) = await LoseAsync(round, start);
                notices.Add(round, noticed, what);
                noticed.Should().BeLessThan(Fleet.Deadline);
                await Remains.UntilAsync(
                    () => Remains.Orphans(Remains.Segments().Except(segments)).Length == 0, Fleet.Deadline, "shared memory ends with its group");
                Remains.Files(fleet.Temporary).Should().BeEmpty();
                await fleet.ServeAsync(round.Children, fleet.Nodes.Count);
            }
            catch (Exception error)
            {
                notices.Fail(round, error);
            }
        }

        notices.Conclude();
    }

    /// <summary>Loses a host.</summary>
    /// <returns>How long it took until its nodes were free and its children gone.</returns>
    private async Task<(TimeSpan Noticed, string What)> LoseAsync(LossRound round, TimeSpan start)
    {
        ConcurrentQueue<string> said = [];
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        string phase = round.Phase.ToString().ToLowerInvariant();
        string[] nodes = [.. fleet.Nodes.Take(round.Nodes).Select(static node => node.Endpoint)];
        using ExoProcess host = ExoProcess.Start(
            [phase, fleet.Model, Fleet.Key, $"{round.Children + 1}", .. nodes],
            onErrorLine: line =>
            {
                said.Enqueue(line);
                if (line == $"phase {phase}")
                {
                    begun.TrySetResult();
                }
            },
            program: "Exo.LossHost.dll");
        await begun.Task.WaitAsync(Hang);
        await Task.Delay(round.Moment * round.Phase switch
        {
            Phase.Start => start * round.Moment, // Most of a start is loading.
            Phase.Load => start / 4,
            Phase.Dispose => TimeSpan.FromMilliseconds(50),
            _ => TimeSpan.FromSeconds(0.5),
        });
        long at = Stopwatch.GetTimestamp();
        _ = Signals.kill(host.Id, round.Freezes ? Signals.Stop : Signals.Kill); // In the end of a disposal it may have gone.
        foreach (FleetNode node in fleet.Nodes)
        {
            await node.FreeAsync(Hang);
        }

        TimeSpan free = Stopwatch.GetElapsedTime(at);
        await Remains.UntilAsync(() => !host.Family().Any(id => id != host.Id), Hang, "children end with their host");
        TimeSpan noticed = Stopwatch.GetElapsedTime(at);
        string what = $"nodes free after {free.TotalMilliseconds:F0} ms";
        if (round.Freezes)
        {
            // Back again, it is told that its ranks have left it; one that had none yet goes on to start.
            _ = Signals.kill(host.Id, Signals.Continue);
            if (round.Phase == Phase.Start)
            {
                await Task.Delay(50);
                _ = Signals.kill(host.Id, Signals.Kill);
            }

            TimeSpan ended = await host.AllGoneAsync(TimeSpan.FromSeconds(5));
            what += $", ended {ended.TotalMilliseconds:F0} ms after it ran again: {said.LastOrDefault()}";
        }

        await host.AllGoneAsync(Fleet.Deadline);
        return (noticed, what);
    }
}
