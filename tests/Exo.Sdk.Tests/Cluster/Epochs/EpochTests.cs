using System.Diagnostics;
using Exo.Sdk.Control;
using Exo.Sdk.Diagnostics;
using Exo.Sdk.Epochs;
using Exo.Sdk.Hosts;
using Exo.Sdk.Planning;
using Exo.Sdk.Scheduling;
using Exo.Sdk.Tests.Scheduling;
using Exo.Sdk.Transport;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Exo.Sdk.Tests.Cluster.Epochs;

/// <summary>How an epoch ends, and that nothing of it is left while requests keep what they have.</summary>
public sealed class EpochTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);
    private static readonly EngineLimits Limits = new(ContextLength: 100_000, MaxSequences: 2, MaxBatchTokens: 4, VocabularySize: 50);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_rank_ends_the_epoch_for_all_and_stops_what_still_runs(bool isIdle)
    {
        await using Bench bench = new();
        ProbeRequest[] requests = isIdle ? [] : [new([1], 90_000), new([2], 90_000), new([3], 90_000)];
        bench.Shard.BeforeStep = done =>
        {
            if (done == 20)
            {
                bench.Nodes[0].Aborted.Wait(Timeout);
            }
        };
        await bench.SubmitAsync(requests);
        bench.Nodes[2].Lose("its heartbeats stopped");

        PeerLostException fault = (await bench.Epoch.Faulted.WaitAsync(Timeout)).Should().BeOfType<PeerLostException>().Subject;
        (fault.LostRank, fault.Reason).Should().Be((2, "stub 2: its heartbeats stopped"));
        foreach (ProbeRequest request in requests)
        {
            Exception caught = (await FluentActions.Awaiting(() => request.Ended.WaitAsync(Timeout)).Should().ThrowAsync<PeerLostException>()).Which;
            (await bench.Epoch.ExplainAsync(caught)).Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(2);
        }

        await RefusesAsync<PeerLostException>(bench.Epoch);
        foreach (StubNode node in bench.Nodes)
        {
            (await node.Aborted.WaitAsync(Timeout)).Should().Be((2, "stub 2: its heartbeats stopped"));
            await node.Disposed.WaitAsync(Timeout);
        }

        // What was generated before is the request's own.
        foreach (ProbeRequest request in requests)
        {
            int prompt = request.PromptLength;
            int[] tokens = request.Tokens.ToArray();
            tokens[prompt..].Should().Equal(ScriptedShard.Continue(tokens[..prompt], tokens.Length - prompt, Limits.VocabularySize));
        }
    }

    [Fact]
    public async Task A_broken_connection_waits_a_moment_for_who_it_was()
    {
        await using Bench bench = new();
        bench.Shard.BeforeStep = _ => throw new PeerLostException(1, "connection reset");
        ProbeRequest request = new([1], 5);
        await bench.SubmitAsync(request);
        await FluentActions.Awaiting(() => request.Ended.WaitAsync(Timeout)).Should().ThrowAsync<PeerLostException>();
        bench.Epoch.Faulted.IsCompleted.Should().BeFalse("the clock stands still");
        bench.Nodes[2].Lose("it was killed");
        (await bench.Epoch.Faulted.WaitAsync(Timeout)).Should().BeOfType<PeerLostException>().Which.LostRank.Should().Be(2);
    }

    [Fact]
    public async Task A_shard_that_fails_ends_the_epoch_and_frees_the_other_ranks()
    {
        await using Bench bench = new();
        bench.Shard.BeforeStep = _ => throw new InvalidOperationException("a mistake");
        ProbeRequest request = new([1], 5);
        await bench.SubmitAsync(request);
        await FluentActions.Awaiting(() => request.Ended.WaitAsync(Timeout)).Should().ThrowAsync<BackendException>();
        (await bench.Epoch.Faulted.WaitAsync(Timeout)).Should().BeOfType<BackendException>();
        foreach (StubNode node in bench.Nodes)
        {
            (await node.Aborted.WaitAsync(Timeout)).LostRank.Should().Be(0);
            await node.Disposed.WaitAsync(Timeout);
        }

        await RefusesAsync<BackendException>(bench.Epoch);
    }

    [Fact]
    public async Task Disposing_ends_requests_and_nodes_and_is_no_fault()
    {
        Bench bench = new();
        ProbeRequest request = new([1], 90_000);
        await bench.SubmitAsync(request);
        await bench.DisposeAsync();
        await bench.Epoch.DisposeAsync();
        await FluentActions.Awaiting(() => request.Ended.WaitAsync(Timeout)).Should().ThrowAsync<ObjectDisposedException>();
        bench.Nodes.Should().OnlyContain(node => node.Disposed.IsCompleted);
        bench.Nodes[1].Lose("its connection ended");
        bench.Epoch.Faulted.IsCompleted.Should().BeFalse();
    }

    /// <summary>The engine's last step may wait for the very rank that was lost.</summary>
    [Fact]
    public async Task A_rank_that_is_lost_while_the_engine_ends_ends_its_step()
    {
        Bench bench = new();
        TaskCompletionSource stepping = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Shard.BeforeStep = _ =>
        {
            stepping.TrySetResult();
            bench.Nodes[0].Aborted.Wait(Timeout).Should().BeTrue();
        };
        ProbeRequest request = new([1], 5);
        await bench.SubmitAsync(request);
        await stepping.Task.WaitAsync(Timeout);
        long began = Stopwatch.GetTimestamp();
        Task disposing = bench.DisposeAsync().AsTask();
        await Task.Delay(50);
        bench.Nodes[1].Lose("its heartbeats stopped");
        await disposing.WaitAsync(Timeout);
        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(2));
        bench.Nodes.Should().OnlyContain(static node => node.Disposed.IsCompleted);
    }

    private static async Task RefusesAsync<T>(Epoch epoch)
        where T : Exception =>
        await FluentActions.Awaiting(() => epoch.SubmitAsync(new ProbeRequest([1], 1)).AsTask()).Should().ThrowAsync<T>();

    private sealed class Bench : IAsyncDisposable
    {
        private readonly ClusterMeter _meter = new(factory: null);
        private readonly LoneGroup _group = new();

        public Bench() => Epoch = new Epoch(
            id: 7,
            new ShardPlan { Ranks = [], ContextLength = Limits.ContextLength, MaxSequences = Limits.MaxSequences },
            new TransportChoice(new InProcessTransport(), "for the test"),
            Nodes,
            Shard,
            _group,
            Limits,
            new ClusterOptions { TimeProvider = new FakeTimeProvider() },
            _meter,
            NullLogger.Instance);

        public ScriptedShard Shard { get; } = new(Limits);

        public StubNode[] Nodes { get; } = [new(0), new(1), new(2)];

        public Epoch Epoch { get; }

        public async Task SubmitAsync(params ProbeRequest[] requests)
        {
            foreach (ProbeRequest request in requests)
            {
                await Epoch.SubmitAsync(request);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Epoch.DisposeAsync();
            _group.Dispose();
            _meter.Dispose();
        }
    }

    /// <summary>A rank that was loaded somewhere.</summary>
    private sealed class StubNode(int rank) : INode
    {
        private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource<(int LostRank, string Reason)> _aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Name => $"stub {rank}";

        public RankHosting Hosting => RankHosting.InProcess;

        public Task<string> Lost => _lost.Task;

        public Task<(int LostRank, string Reason)> Aborted => _aborted.Task;

        public Task Disposed => _disposed.Task;

        public void Lose(string reason) => _lost.SetResult(reason);

        public void Abort(int lostRank, string reason) => _aborted.TrySetResult((lostRank, reason));

        public Task<OpenReply> OpenAsync(OpenOrder order, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<LoadReply> LoadAsync(LoadOrder order, IProgress<LoadProgress>? progress, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<RankMemory> GetMemoryAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync()
        {
            _disposed.TrySetResult();
            return ValueTask.CompletedTask;
        }
    }
}
