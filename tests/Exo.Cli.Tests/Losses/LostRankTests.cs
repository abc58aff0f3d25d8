using System.Diagnostics;
using Exo.Sdk;
using Xunit.Abstractions;

namespace Exo.Cli.Tests.Losses;

/// <summary>Ranks that are killed or frozen at random moments of a cluster's life, with this process as the host.</summary>
public sealed class LostRankTests(Fleet fleet, ITestOutputHelper output) : IClassFixture<Fleet>
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);
    private static readonly Prompt LongPrompt = Prompt.Raw(string.Concat(Enumerable.Repeat("word ", 400)));
    private static readonly Prompt ShortPrompt = Prompt.Raw("a");

    [LinuxFact]
    public async Task A_lost_rank_is_noticed_within_two_seconds_and_nothing_is_left()
    {
        Notices notices = new(output);
        TimeSpan start = await fleet.ServeAsync(2, 2);
        output.WriteLine($"seed {Fleet.Seed}; a start takes {start.TotalMilliseconds:F0} ms");
        int sockets = Remains.Sockets();
        for (int number = 0; number < Fleet.Rounds; number++)
        {
            LossRound round = LossRound.Of(Fleet.Seed, number);
            string[] segments = Remains.Segments();
            try
            {
                Loss loss = new(fleet, round, start);
                TimeSpan noticed;
                try
                {
                    noticed = await loss.RunAsync();
                }
                finally
                {
                    await loss.RepairAsync();
                }

                notices.Add(round, noticed, loss.What);
                noticed.Should().BeLessThan(Fleet.Deadline);
                await NothingIsLeftAsync(segments, sockets);
                await fleet.ServeAsync(round.Children, fleet.Nodes.Count);
            }
            catch (Exception error)
            {
                notices.Fail(round, error);
            }
        }

        notices.Conclude();
    }

    private async Task NothingIsLeftAsync(string[] segments, int sockets)
    {
        int[] nodes = [.. fleet.Nodes.Select(node => node.Id)];
        Remains.Children().Except(nodes).Should().BeEmpty("child processes end with their cluster");
        await Remains.UntilAsync(() => Remains.Threads() == 0, Fleet.Deadline, "threads end with their cluster");
        await Remains.UntilAsync(() => Remains.Sockets() <= sockets, Fleet.Deadline, "sockets end with their cluster");
        await Remains.UntilAsync(() => Remains.Orphans(Remains.Segments().Except(segments)).Length == 0, Fleet.Deadline, "shared memory ends with its group");
        Remains.Files(fleet.Temporary).Should().BeEmpty();
        foreach (FleetNode node in fleet.Nodes)
        {
            await node.FreeAsync(Fleet.Deadline);
        }
    }

    /// <summary>One round.</summary>
    private sealed class Loss(Fleet fleet, LossRound round, TimeSpan start)
    {
        private readonly TaskCompletionSource _loading = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _victim;
        private string _name = "";
        private long _at;

        /// <summary>How the loss was told.</summary>
        public string What { get; private set; } = "";

        /// <summary>Loses the rank.</summary>
        /// <returns>How long it took until the host's call ended.</returns>
        public async Task<TimeSpan> RunAsync()
        {
            Task<Cluster> building = fleet.Host(round.Children, round.Nodes).ReportProgress(new Stages(_loading)).BuildAsync();
            if (round.Phase is Phase.Start or Phase.Load)
            {
                await (round.Phase == Phase.Start ? FindAsync() : Task.WhenAll(FindAsync(), _loading.Task)).WaitAsync(Hang);
                await ActAsync(round.Phase == Phase.Start ? start * round.Moment : start / 4); // Most of a start is loading.
                return await EndedAsync(building);
            }

            await FindAsync();
            Cluster cluster = await building;
            await using (cluster)
            {
                await cluster.GenerateTextAsync(ShortPrompt, Fleet.Endless with { MaxTokens = 2 });
                return round.Phase switch
                {
                    Phase.Prefill => await LoseAsync(GenerateAsync(cluster, LongPrompt, 1), TimeSpan.FromSeconds(0.5)),
                    Phase.Decode => await LoseAsync(GenerateAsync(cluster, ShortPrompt, 100_000), TimeSpan.FromSeconds(0.5)),
                    Phase.Idle => await LoseAsync(ThrowAsync(cluster.Faulted), TimeSpan.FromSeconds(0.3)),
                    _ => await DisposeAsync(cluster),
                };
            }
        }

        /// <summary>Lets a frozen node run again, and puts a new one in the place of one that was killed.</summary>
        public async Task RepairAsync()
        {
            if (round.IsChild || _victim == 0)
            {
                return;
            }

            FleetNode node = fleet.Nodes[round.Victim - round.Children];
            if (round.Freezes)
            {
                Signals.Send(node.Id, Signals.Continue);
            }
            else
            {
                await fleet.ReplaceAsync(node);
            }
        }

        /// <summary>The victim's process, as soon as there is one.</summary>
        private async Task FindAsync()
        {
            if (!round.IsChild)
            {
                FleetNode node = fleet.Nodes[round.Victim - round.Children];
                (_victim, _name) = (node.Id, node.Endpoint);
                return;
            }

            // Which rank a child gets is known to the host alone, so any of them will do.
            int[] nodes = [.. fleet.Nodes.Select(node => node.Id)];
            int[] children = [];
            await Remains.UntilAsync(() => (children = [.. Remains.Children().Except(nodes)]).Length > round.Victim, Hang, "children are born");
            _victim = children[round.Victim];
            _name = $"child process {_victim}";
        }

        private async Task ActAsync(TimeSpan range)
        {
            await Task.Delay(range * round.Moment);
            _at = Stopwatch.GetTimestamp();
            Signals.Send(_victim, round.Freezes ? Signals.Stop : Signals.Kill);
        }

        private async Task<TimeSpan> LoseAsync(Task call, TimeSpan range)
        {
            await ActAsync(range);
            return await EndedAsync(call);
        }

        /// <summary>The host's call ends with an error that names the node. A start that was quicker than the loss is noticed idle.</summary>
        private async Task<TimeSpan> EndedAsync(Task call)
        {
            Exception? error = await ErrorAsync(call);
            TimeSpan noticed = Stopwatch.GetElapsedTime(_at);
            if (error is null && call is Task<Cluster> building)
            {
                await using Cluster cluster = await building;
                error = await cluster.Faulted.WaitAsync(Hang);
                noticed = Stopwatch.GetElapsedTime(_at);
            }

            What = $"{error?.GetType().Name}: {error?.Message}";
            if (round.Phase != Phase.Start || error is not NodeException)
            {
                error.Should().BeOfType<PeerLostException>(error?.ToString());
            }

            error!.Message.Should().Contain(_name);
            return noticed;
        }

        /// <summary>The loss comes before, with or during a disposal; how long the disposal takes from then on.</summary>
        private async Task<TimeSpan> DisposeAsync(Cluster cluster)
        {
            Task generating = round.Number / LossRound.Phases % 2 == 0 ? GenerateAsync(cluster, ShortPrompt, 100_000) : Task.CompletedTask;
            await Task.Delay(50);
            Task disposing;
            if (round.Moment < 0.7)
            {
                // Disposed before the loss is noticed, while it is, or after.
                await ActAsync(TimeSpan.Zero);
                await Task.Delay(TimeSpan.FromSeconds(round.Moment < 0.35 ? 0 : 4 * (round.Moment - 0.35)));
                _at = Stopwatch.GetTimestamp();
                disposing = cluster.DisposeAsync().AsTask();
            }
            else
            {
                disposing = cluster.DisposeAsync().AsTask();
                await ActAsync(TimeSpan.FromMilliseconds(4 * (round.Moment - 0.7)));
            }

            await disposing.WaitAsync(Hang);
            TimeSpan took = Stopwatch.GetElapsedTime(_at);
            What = $"generation: {(await ErrorAsync(generating))?.GetType().Name ?? "none"}";
            return took;
        }

        private static async Task GenerateAsync(Cluster cluster, Prompt prompt, int tokens)
        {
            while (true)
            {
                await foreach (GeneratedToken _ in cluster.GenerateAsync(prompt, Fleet.Endless with { MaxTokens = tokens }))
                {
                }
            }
        }

        private static async Task ThrowAsync(Task<Exception> faulted) => throw await faulted;

        private static async Task<Exception?> ErrorAsync(Task call)
        {
            try
            {
                await call.WaitAsync(Hang);
                return null;
            }
            catch (Exception error)
            {
                return error;
            }
        }
    }

    private sealed class Stages(TaskCompletionSource loading) : IProgress<ClusterProgress>
    {
        public void Report(ClusterProgress value)
        {
            if (value.Stage == ClusterStage.Loading)
            {
                loading.TrySetResult();
            }
        }
    }
}
