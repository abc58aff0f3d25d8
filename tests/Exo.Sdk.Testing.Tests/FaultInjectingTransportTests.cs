using System.Diagnostics;
using Exo.Sdk.Transport;
using Microsoft.Extensions.Time.Testing;
using Xunit.Abstractions;

namespace Exo.Sdk.Testing.Tests;

/// <summary>Faults seen from the collective operations themselves.</summary>
public sealed class FaultInjectingTransportTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("in-process")]
    [InlineData("tcp")]
    public async Task Without_faults_it_is_the_transport_it_wraps(string name)
    {
        FaultInjectingTransport transport = new(name == "tcp" ? new TcpTransport() : null);
        transport.Name.Should().Be(name);
        transport.Probe().IsAvailable.Should().BeTrue();
        using Ranks ranks = await Ranks.ConnectAsync(transport, 3);
        await ranks.AllAsync(EveryOperation);
        Enumerable.Range(0, 3).Select(transport.OperationsOf).Should().Equal(5, 6, 4);
    }

    [Theory]
    [InlineData("in-process")]
    [InlineData("tcp")]
    public async Task A_killed_rank_is_lost_to_its_peers(string name)
    {
        FaultInjectingTransport transport = new(name == "tcp" ? new TcpTransport() : null);
        using Ranks ranks = await Ranks.ConnectAsync(transport, 3);
        Task[] waiting = [.. new[] { 0, 1, 2 }.Select(rank => ranks.RunAsync(rank, group => group.Receive(new byte[4], (rank + 1) % 3)))];
        transport.Kill(1);
        await LosesAsync(waiting[0], 1);
        await LosesAsync(waiting[2], 1);
        await FluentActions.Awaiting(() => waiting[1]).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task A_rank_is_killed_at_the_operation_that_was_chosen()
    {
        FaultInjectingTransport transport = new();
        transport.Kill(1, afterOperations: 7);
        using Ranks ranks = await Ranks.ConnectAsync(transport, 2);
        int[] done = new int[2];
        Task[] loops = [.. new[] { 0, 1 }.Select(rank => ranks.RunAsync(rank, group =>
        {
            while (true)
            {
                group.AllReduceSum([1f]);
                done[rank]++;
            }
        }))];
        await LosesAsync(loops[0], 1);
        await FluentActions.Awaiting(() => loops[1]).Should().ThrowAsync<ObjectDisposedException>();
        done.Should().Equal(7, 7);
        transport.OperationsOf(1).Should().Be(8);
    }

    [Fact]
    public async Task A_killed_rank_that_joins_a_new_group_lives_again()
    {
        FaultInjectingTransport transport = new();
        transport.Kill(0, afterOperations: 0);
        using (Ranks first = await Ranks.ConnectAsync(transport, 2))
        {
            await LosesAsync(first.RunAsync(1, group => group.Barrier()), 0, first.RunAsync(0, group => group.Barrier()));
        }

        using Ranks second = await Ranks.ConnectAsync(transport, 2);
        await second.AllAsync(group => group.Barrier());
    }

    [Fact]
    public async Task A_frozen_rank_is_lost_when_the_deadline_has_passed_and_not_before()
    {
        FaultInjectingTransport transport = new();
        using Ranks ranks = await Ranks.ConnectAsync(transport, 3, deadline: TimeSpan.FromMilliseconds(400));
        transport.Freeze(1);
        long start = Stopwatch.GetTimestamp();
        Task[] sums = [.. new[] { 0, 1, 2 }.Select(rank => ranks.RunAsync(rank, group => group.AllReduceSum(new float[100])))];
        await LosesAsync(sums[0], 1);
        await LosesAsync(sums[2], 1);
        TimeSpan noticed = Stopwatch.GetElapsedTime(start);
        output.WriteLine($"noticed after {noticed.TotalMilliseconds:F0} ms");
        noticed.Should().BeGreaterThan(TimeSpan.FromMilliseconds(390));
        sums[1].IsCompleted.Should().BeFalse("a frozen rank does not even notice that it was given up");
        transport.Thaw(1);
        await FluentActions.Awaiting(() => sums[1].WaitAsync(Limit)).Should().ThrowAsync<PeerLostException>();
    }

    [Fact]
    public async Task A_rank_that_is_thawed_in_time_goes_on_as_if_nothing_had_been()
    {
        FaultInjectingTransport transport = new();
        using Ranks ranks = await Ranks.ConnectAsync(transport, 2);
        transport.Freeze(0, afterOperations: 1);
        await ranks.AllAsync(group => group.Barrier());
        float[][] values = [[1, 2], [10, 20]];
        Task[] sums = [.. new[] { 0, 1 }.Select(rank => ranks.RunAsync(rank, group => group.AllReduceSum(values[rank])))];
        await Task.WhenAny([.. sums, Task.Delay(100)]);
        sums.Should().NotContain(sum => sum.IsCompleted);
        transport.Thaw(0);
        await Task.WhenAll(sums).WaitAsync(Limit);
        values.Should().AllSatisfy(sum => sum.Should().Equal(11, 22));
    }

    [Fact]
    public async Task A_rank_that_is_frozen_while_it_waits_for_a_message_does_not_see_it()
    {
        FaultInjectingTransport transport = new();
        using Ranks ranks = await Ranks.ConnectAsync(transport, 2);
        byte[] got = new byte[1];
        Task waiting = ranks.RunAsync(1, group =>
        {
            group.WaitForMessage(0);
            group.Receive(got, 0);
        });
        transport.Freeze(1);
        await ranks.RunAsync(0, group => group.Send([7], 1)).WaitAsync(Limit);
        await Task.WhenAny(waiting, Task.Delay(100));
        waiting.IsCompleted.Should().BeFalse("rank 1 is frozen");
        transport.Thaw(1);
        await waiting.WaitAsync(Limit);
        got[0].Should().Be(7);
    }

    [Fact]
    public async Task Aborting_killing_or_disposing_releases_a_frozen_rank()
    {
        foreach (Action<FaultInjectingTransport, ICollective> end in (Action<FaultInjectingTransport, ICollective>[])
            [(_, group) => group.Abort(1, "given up"), (transport, _) => transport.Kill(1), (_, group) => group.Dispose()])
        {
            FaultInjectingTransport transport = new();
            using Ranks ranks = await Ranks.ConnectAsync(transport, 2);
            transport.Freeze(1);
            Task frozen = ranks.RunAsync(1, group => group.Barrier());
            end(transport, ranks[1]);
            await FluentActions.Awaiting(() => frozen.WaitAsync(Limit)).Should().ThrowAsync<Exception>();
            frozen.IsFaulted.Should().BeTrue();
        }
    }

    [Fact]
    public async Task A_delayed_operation_waits_for_the_clock()
    {
        TimerWatch time = new();
        FaultInjectingTransport transport = new(timeProvider: time);
        using Ranks ranks = await Ranks.ConnectAsync(transport, 2);
        transport.Delay(1, TimeSpan.FromMinutes(5));
        Task[] barriers = [.. new[] { 0, 1 }.Select(rank => ranks.RunAsync(rank, group => group.Barrier()))];
        await time.TimerMade.WaitAsync(Limit);
        time.Advance(TimeSpan.FromMinutes(4));
        barriers.Should().NotContain(barrier => barrier.IsCompleted);
        time.Advance(TimeSpan.FromMinutes(1));
        await Task.WhenAll(barriers).WaitAsync(Limit);
        transport.Delay(1, TimeSpan.Zero);
        await ranks.AllAsync(group => group.Barrier());
    }

    [Fact]
    public void Arguments_that_mean_nothing_are_refused()
    {
        FaultInjectingTransport transport = new();
        foreach (Action act in (Action[])
            [() => transport.Kill(-1), () => transport.Kill(0, -1), () => transport.Freeze(0, -1), () => transport.Delay(0, TimeSpan.FromTicks(-1))])
        {
            act.Should().Throw<ArgumentOutOfRangeException>();
        }
    }

    private static void EveryOperation(ICollective group)
    {
        float[] values = [group.Rank];
        group.AllReduceSum(values);
        values.Should().Equal(3);
        float[] all = new float[3];
        group.AllGather([group.Rank], all, [1, 1, 1]);
        all.Should().Equal(0, 1, 2);
        byte[] message = [(byte)(group.Rank == 2 ? 9 : 0)];
        group.Broadcast(message, root: 2);
        message.Should().Equal(9);
        group.Barrier();
        switch (group.Rank)
        {
            case 0:
                group.Send([5], 1);
                break;
            case 1:
                group.WaitForMessage(0);
                group.Receive(message, 0);
                message.Should().Equal(5);
                break;
        }
    }

    private static async Task LosesAsync(Task task, int rank, params Task[] others)
    {
        (await FluentActions.Awaiting(() => task.WaitAsync(Limit)).Should().ThrowAsync<PeerLostException>()).Which.LostRank.Should().Be(rank);
        await Task.WhenAll(others).WaitAsync(Limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>Says when somebody has begun to wait on the clock.</summary>
    private sealed class TimerWatch : FakeTimeProvider
    {
        private readonly TaskCompletionSource _made = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task TimerMade => _made.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            _made.TrySetResult();
            return timer;
        }
    }

    /// <summary>A connected group, each rank's operations on a thread of their own.</summary>
    private sealed class Ranks : IDisposable
    {
        private readonly ICollective[] _groups;

        private Ranks(ICollective[] groups) => _groups = groups;

        public ICollective this[int rank] => _groups[rank];

        public static async Task<Ranks> ConnectAsync(FaultInjectingTransport transport, int size, TimeSpan? deadline = null)
        {
            ITransportEndpoint[] endpoints = await Task.WhenAll(Enumerable.Range(0, size).Select(_ => transport.OpenAsync(new TransportOptions()).AsTask()));
            string[] addresses = [.. endpoints.Select(endpoint => endpoint.Address)];
            byte[] secret = Guid.NewGuid().ToByteArray();
            ICollective[] groups = await Task.WhenAll(endpoints.Select((endpoint, rank) => endpoint.ConnectAsync(new GroupDescription
            {
                Epoch = 1,
                Rank = rank,
                Addresses = addresses,
                Secret = secret,
                Deadline = deadline ?? Limit,
            }).AsTask()));
            foreach (ITransportEndpoint endpoint in endpoints)
            {
                await endpoint.DisposeAsync();
            }

            return new Ranks(groups);
        }

        public Task RunAsync(int rank, Action<ICollective> work) =>
            Task.Factory.StartNew(() => work(_groups[rank]), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        public Task AllAsync(Action<ICollective> work) =>
            Task.WhenAll(Enumerable.Range(0, _groups.Length).Select(rank => RunAsync(rank, work))).WaitAsync(Limit);

        public void Dispose()
        {
            foreach (ICollective group in _groups)
            {
                group.Dispose();
            }
        }
    }
}
